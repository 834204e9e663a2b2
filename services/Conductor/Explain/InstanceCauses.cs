using Overture.Conductor.Instances;
using Overture.Conductor.V1;

namespace Overture.Conductor.Explain;

/// <summary>A cause, and of which condition it is the reason.</summary>
/// <param name="Type">Unspecified: no condition holds yet, as where a step is not late.</param>
internal sealed record FoundCause(Cause Cause, ConditionType Type, ConditionSeverity Severity);

/// <summary>
/// Why an instance is not ready, the likely cause first: of one and of each of a fleet the same. Pure, and lazy: a fleet asks for the
/// first alone.
/// </summary>
internal static class InstanceCauses
{
    /// <param name="records">What is known.</param>
    /// <param name="conditions">Of them, now (<see cref="ConditionRules"/>).</param>
    /// <param name="console">Causes that its console shows, the likely one first.</param>
    /// <param name="said">Causes that its agent's own words show (<see cref="Said"/>).</param>
    public static IEnumerable<FoundCause> Of(InstanceRecords records, IReadOnlyList<Condition> conditions, IEnumerable<Cause> console,
        IEnumerable<Cause> said)
    {
        // Once it has a certificate, what its boot printed is no cause any more.
        var why = InstanceProjection.StateOf(records) < InstanceState.Signed ? said.Concat(console) : said;
        var isSaid = false;
        foreach (var condition in conditions)
        {
            // One says only that a step is late; the agent or the console says why.
            if (condition.Type == ConditionType.Stalled && !isSaid)
            {
                isSaid = true;
                foreach (var cause in why)
                    yield return new FoundCause(cause, condition.Type, condition.Severity);
            }
            if (CauseRules.Of($"{records.Name}", condition) is { } own)
                yield return new FoundCause(own, condition.Type, condition.Severity);
        }
        // It may pass: no step is late yet.
        if (!isSaid)
        {
            foreach (var cause in why)
                yield return new FoundCause(cause, ConditionType.Unspecified, ConditionSeverity.Warning);
        }
    }

    /// <summary>What its agent said until it converged, and that it has not fetched its certificate.</summary>
    /// <param name="records">With what it said.</param>
    /// <param name="uncollected">Null: it has, or that is not known.</param>
    public static IEnumerable<Cause> Said(InstanceRecords records, Cause? uncollected)
    {
        var words = InstanceProjection.StateOf(records) < InstanceState.Converged ? AgentCauses.Of(records, records.Said) : [];
        return uncollected is null ? words : words.Append(uncollected);
    }

    /// <summary>What its console showed when it was read last.</summary>
    public static IEnumerable<Cause> Shown(InstanceRecords records) => records.Console is not { } shown ? []
        : [CauseRules.OfLine($"{records.Name}", new KnownCause(shown.Code, shown.Means, shown.Next),
            ProofSources.Console, shown.Line, null)];
}
