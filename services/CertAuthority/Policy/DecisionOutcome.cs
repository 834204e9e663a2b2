using Overture.Platform.Faults;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>What was decided (<c>Decision.outcome</c>): of a request one of the first three, else what an act did.</summary>
internal enum DecisionOutcome
{
    Sign,
    Hold,
    Refuse,
    Revoke,
    Block,
    /// <summary>Of a quarantine.</summary>
    Lift,
    Alarm,
}

/// <summary>Decisions, as records and answers hold them.</summary>
internal static class Decisions
{
    /// <summary>The one spelling of an outcome: its name in lower case.</summary>
    public static string Text(this DecisionOutcome outcome) => outcome switch
    {
        DecisionOutcome.Sign => "sign",
        DecisionOutcome.Hold => "hold",
        DecisionOutcome.Refuse => "refuse",
        DecisionOutcome.Revoke => "revoke",
        DecisionOutcome.Block => "block",
        DecisionOutcome.Lift => "lift",
        DecisionOutcome.Alarm => "alarm",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome)),
    };

    /// <param name="outcome">What was decided.</param>
    /// <param name="reason"><see cref="Reason.None"/> where the sentence says it all.</param>
    /// <param name="sentence">For people.</param>
    public static Decision Because(this DecisionOutcome outcome, Reason reason, string sentence) =>
        new() { Outcome = outcome.Text(), Reason = reason.Code(), Sentence = sentence };

    /// <summary>The decision that a refusal is.</summary>
    public static Decision Of(FaultException refusal) => DecisionOutcome.Refuse.Because(refusal.Reason, refusal.Message);

    /// <summary>Whether a request may be signed by it.</summary>
    public static bool Signs(this Decision decision) => decision.Outcome == DecisionOutcome.Sign.Text();
}
