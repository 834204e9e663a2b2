using Overture.Platform.Faults;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>Requests under names that were never launched or registered: a person decides, once; after that the key is known.</summary>
internal static class UnregisteredName
{
    public static Verdict Decide(EnrollmentContext e, IReadOnlyList<Check> checks)
    {
        // Overture gives out UUIDs: an unknown one is a stranger's, and gets the answer that every stranger gets.
        var stranger = new Verdict(Outcome.Refuse, Reason.NodeUnknown, Unknown, checks);
        if (e.Status.BlockOf(GrantKind.Approval) is { } block)
            return new Verdict(Outcome.Refuse, Reason.NameBlocked, $"the name is blocked ({block.Sentence})", checks);
        if (e.SameKey)
            return new Verdict(Outcome.Sign, Reason.SameKey, "the same key again: the same certificate", checks, e.Claim!.Grant);
        if (e.Name.IsUuid)
            return stranger;
        if (e.Claim is not null)
        {
            return new Verdict(Outcome.Malformed, Reason.NameTaken,
                $"{e.Name} already has a signed certificate, of another key; ignoring certificate request", checks);
        }
        return e.Denial is { } denial
            ? new Verdict(Outcome.Refuse, Reason.RequestDenied, $"{denial.By} denied this key: {denial.Reason}", checks)
            : Hold(Reason.NodeUnknown, Unknown, checks);
    }

    /// <summary>A registered name that is no UUID, whose request fails a check: a person may still let it in.</summary>
    public static Verdict Hold(AuthorizationCheck failed, IReadOnlyList<Check> checks) => Hold(failed.Reason, failed.Sentence, checks);

    private static Verdict Hold(Reason cause, string sentence, IReadOnlyList<Check> checks) =>
        new(Outcome.Hold, Reason.HeldForApproval, $"waits for a person: {sentence}", checks, Remedy: Remedy(cause));

    private const string Unknown = "this name was never launched or registered; check the agent's certname, or register it";

    private static string Remedy(Reason cause) => cause switch
    {
        Reason.NodeUnknown => "a registration of this name whose token the request brought, or approval by a person",
        Reason.TokenMissing or Reason.TokenMismatch => "a request with the token of the registration, or approval by a person",
        Reason.NotYetValid => "waiting until the registration begins, or approval by a person",
        Reason.TokenExpired => "a new registration, or approval by a person",
        Reason.LaunchSignature => "the Conductor's public key in launchKeys, or approval by a person",
        _ => "approval by a person",
    };
}
