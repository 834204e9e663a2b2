using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>How long certificates live.</summary>
internal sealed record LeafLives(TimeSpan Ordinary, TimeSpan Renewing);

/// <summary>
/// Whether a well-formed request is signed. Pure. Every check is made and written down, the first that fails gives the reason; what a
/// request asks beyond its own name must be what the registration grants.
/// </summary>
internal static class RequestPolicy
{
    public static Verdict Decide(EnrollmentContext context, LeafLives lives)
    {
        var checks = Authorization.Of(context).ToList();
        var failed = checks.FirstOrDefault(c => !c.Check.Passed);
        var written = checks.Select(c => c.Check).ToList();

        // Who asks for more than the own name without a right to it gets 400, registered or not, so that names can't be probed.
        // Who brought the right token knows, so what was granted is no excess then, even if the request is refused for another reason.
        var grant = Authorization.Proved(context) ? context.Launch : null;
        if (Excess(context, grant) is var (reason, sentence))
            return new Verdict(Outcome.Malformed, reason, sentence, written);

        var verdict = !context.Registered ? UnregisteredName.Decide(context, written)
            : failed is null ? Good(context, written, lives)
            : failed.Reason == Reason.InstanceUnconfirmed ? new Verdict(Outcome.Ask, failed.Reason, failed.Sentence, written)
            // A second key with the right token is a theft whatever the name looks like.
            : context.Name.IsUuid || failed.Reason == Reason.TokenConflict
            ? new Verdict(Outcome.Refuse, failed.Reason, failed.Sentence, written)
            : UnregisteredName.Hold(failed, written);
        // Said only to who would otherwise get somewhere: a refusal is the same whatever its cause.
        return context.KeyBlocked && verdict.Outcome is (Outcome.Sign or Outcome.Hold)
            ? new Verdict(Outcome.Malformed, Reason.KeyBlocked, "this key was revoked as compromised; make a new one", written)
            : verdict;
    }

    private static Verdict Good(EnrollmentContext context, IReadOnlyList<Check> written, LeafLives lives) => new(
        Outcome.Sign, context.SameKey ? Reason.SameKey : AcceptedBy(context.Launch!), Accepted(context), written,
        GrantOf(context.Launch!, context.Request.Renews ? lives.Renewing : lives.Ordinary));

    private static (Reason, string)? Excess(EnrollmentContext context, LaunchRecord? grant)
    {
        var names = context.Request.DnsNames.Where(n => n != context.Name.ToString() && grant?.DnsAltNames.Contains(n) != true).ToArray();
        if (names.Length > 0)
        {
            return (Reason.CsrSan,
                "the request names other hosts than its own certname; allow them when you launch or register the instance");
        }
        var granted = grant is null ? [] : Extensions(grant);
        foreach (var (oid, value) in context.Request.Extensions)
        {
            if (!granted.TryGetValue(oid, out var allowed) || allowed != value)
            {
                return (Reason.CsrExtension,
                    $"the extension {PuppetExtensions.NameOf(oid)} differs from the registration; set it when you launch or register "
                        + "the instance");
            }
        }
        return null;
    }

    private static Grant GrantOf(LaunchRecord launch, TimeSpan life) => new()
    {
        Source = $"{new GrantSource(GrantKind.Launch)}",
        DnsAltNames = { launch.DnsAltNames },
        Extensions = { Extensions(launch) },
        LifeSeconds = (long)life.TotalSeconds,
    };

    private static Dictionary<string, string> Extensions(LaunchRecord launch) =>
        launch.Extensions.ToDictionary(e => PuppetExtensions.OidOf(e.Key) ?? e.Key, e => e.Value, StringComparer.Ordinal);

    private static Reason AcceptedBy(LaunchRecord launch) =>
        launch.Attestation == Attestation.Registry ? Reason.RegistryOnly : Reason.TokenAccepted;

    private static string Accepted(EnrollmentContext context) => context switch
    {
        { SameKey: true } => "the same key again: the same certificate",
        { Launch.Attestation: Attestation.Registry } => "signed because the name is registered; its registration asks for no proof",
        { Launch.Attestation: Attestation.Source } =>
            "signed because it brought the one-time token of its launch, from its instance's address",
        { Launch.Attestation: Attestation.Provider } =>
            "signed because it brought the one-time token of its launch, from its instance's address, and the provider reports that the "
                + "instance is running",
        _ => "signed because it brought the one-time token of its launch",
    };
}
