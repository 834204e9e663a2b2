using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;

namespace Overture.Conductor.Explain;

/// <summary>
/// The cause behind a condition: one reason code, one sentence, the message that proves it, and the next step. Pure, and by the condition
/// alone, so that it can be counted over a fleet.
/// </summary>
internal static class CauseRules
{
    /// <param name="name">The certname.</param>
    /// <param name="condition">Of this instance.</param>
    /// <returns>Null: nothing is wrong (<see cref="ConditionSeverity.Info"/>).</returns>
    public static Cause? Of(string name, Condition condition)
    {
        if (condition.Severity == ConditionSeverity.Info)
            return null;
        var known = Known(condition);
        return new Cause
        {
            Reason = known?.Code ?? CodeOf(condition),
            Sentence = known is null ? condition.Message : Sentence(known.Means),
            Since = condition.Since,
            Proofs = { new Proof { Source = SourceOf(condition.Type), Text = condition.Message, At = condition.Since } },
            Next = (known is null ? condition.Next : Sentence(known.Next)).Replace("NAME", name, StringComparison.Ordinal),
        };
    }

    /// <summary>What a line of the console means.</summary>
    public static Cause OfLine(string name, KnownCause known, string source, string line, DateTimeOffset? at) => new()
    {
        Reason = known.Code,
        Sentence = Sentence(known.Means),
        Since = at?.ToTimestamp(),
        Proofs = { new Proof { Source = source, Text = line, At = at?.ToTimestamp() } },
        Next = Sentence(known.Next).Replace("NAME", name, StringComparison.Ordinal),
    };

    private static KnownCause? Known(Condition condition) => condition.Type switch
    {
        ConditionType.LaunchFailed => ProviderCauses.Of(condition.Message),
        ConditionType.CsrRefused or ConditionType.CsrHeld => RefusalCauses.Of(condition.Reason),
        ConditionType.RunFailed => RunCauses.OfFailure(condition.Message),
        ConditionType.PartialRun => RunCauses.OfPartial(condition.Message),
        ConditionType.Stalled => StalledCauses.Of(condition.Message),
        _ => null,
    };

    // Reasons are unique in their type; here they are among those of all types.
    private static string CodeOf(Condition condition) => condition.Type switch
    {
        ConditionType.Stalled or ConditionType.Gone or ConditionType.Expiring =>
            $"{condition.Type.ToString().ToUpperInvariant()}_{condition.Reason}",
        _ => condition.Reason,
    };

    private static string SourceOf(ConditionType type) => type switch
    {
        ConditionType.RunFailed or ConditionType.PartialRun or ConditionType.Silent => ProofSources.Report,
        ConditionType.LaunchFailed or ConditionType.Gone => ProofSources.Provider,
        _ => ProofSources.Record,
    };

    /// <summary>With a capital letter and one full stop.</summary>
    public static string Sentence(string text) =>
        ConditionRules.Sentence(text.StartsWith("overture ", StringComparison.Ordinal) ? text : char.ToUpperInvariant(text[0]) + text[1..]);
}

/// <summary>Where a proof was found; as in Proof.source.</summary>
internal static class ProofSources
{
    public const string Record = "record", Provider = "provider", Console = "console", Report = "report", Timeline = "timeline",
        Agent = "agent";
}
