using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Explain;

/// <summary>
/// Why an agent gets no further, in its own words: it says why it reaches no CA and no puppetserver, of which no report ever comes. Pure.
/// </summary>
internal static class AgentCauses
{
    private const int Most = 2;

    /// <param name="records">What is known.</param>
    /// <param name="said">What its agent said; null: nothing.</param>
    /// <returns>Of different kinds, the last one first; lazily.</returns>
    public static IEnumerable<Cause> Of(InstanceRecords records, IReadOnlyList<SaidLine>? said)
    {
        var step = LastStep(records);
        return (said ?? []).Where(l => l.Level == "err" && !IsFacters(l) && l.At.ToDateTimeOffset() > step).Reverse()
            .Select(l => (Line: l, Cause: RunCauses.OfFailure(l.Text))).Where(f => f.Cause is not null)
            .DistinctBy(f => f.Cause!.Code).Take(Most)
            .Select(f => CauseRules.OfLine($"{records.Name}", f.Cause!, ProofSources.Agent, f.Line.Text, f.Line.At.ToDateTimeOffset()));
    }

    // Facts that can't be read are seldom why a run does not come to pass, and are many lines.
    private static bool IsFacters(SaidLine line) => line.Text.StartsWith("(Facter)", StringComparison.Ordinal);

    // What it said before its last step is over with that.
    private static DateTimeOffset LastStep(InstanceRecords records) => new[]
    {
        records.Claim?.At.Maybe(), records.Certificate?.At.Maybe(), records.FirstServed?.At.Maybe(),
    }.Max() ?? DateTimeOffset.MinValue;
}
