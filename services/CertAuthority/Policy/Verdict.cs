using Overture.Platform.Faults;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

internal enum Outcome
{
    Sign,
    Hold,
    /// <summary>Against a rule of form: 400, for every caller.</summary>
    Malformed,
    /// <summary>Not authorized: 403, the same for every cause.</summary>
    Refuse,
    /// <summary>All is right but what must be asked elsewhere and was not answered: 503, nothing spent.</summary>
    Ask,
}

/// <summary>What the policy says of a request, and why.</summary>
/// <param name="Grant">What the certificate carries; set where the outcome is <see cref="Outcome.Sign"/>.</param>
/// <param name="Remedy">What would make it sign; set where the outcome is <see cref="Outcome.Hold"/>.</param>
internal sealed record Verdict(
    Outcome Outcome, Reason Reason, string Sentence, IReadOnlyList<Check> Checks, Grant? Grant = null, string Remedy = "")
{
    public Decision ToDecision()
    {
        var outcome = Outcome switch
        {
            Outcome.Sign => DecisionOutcome.Sign,
            Outcome.Hold => DecisionOutcome.Hold,
            _ => DecisionOutcome.Refuse,
        };
        var decision = outcome.Because(Reason, Sentence);
        decision.Checks.Add(Checks);
        return decision;
    }
}
