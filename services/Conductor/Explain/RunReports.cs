using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Explain;

/// <summary>What the last report of an instance said: of everyday runs by the registry, of those before by their facts. Pure.</summary>
internal static class RunReports
{
    public static RunReport? Last(InstanceRecords records)
    {
        var (failed, partial) = (records.FailedRuns.ToList(), records.PartialRuns.ToList());
        var fact = records.Fact(InstanceEvents.Converged) ?? failed.Concat(partial).MaxBy(f => f.At.ToDateTimeOffset());
        if (fact is null)
            return null;
        var report = new RunReport
        {
            Result = Word(fact.Event == InstanceEvents.Converged ? RunResult.Good
                : fact.Event.StartsWith(InstanceEvents.RunFailed, StringComparison.Ordinal) ? RunResult.Failed : RunResult.Partial),
            Sentence = fact.Detail, ReportedAt = fact.At, StartedAt = fact.RunStartedAt, Status = fact.RunStatus,
            TransactionUuid = fact.TransactionUuid, FailedBefore = failed.Count, PartialBefore = partial.Count,
        };
        // A later one has no fact of its own: only what it came to is known.
        return records.LastRun is not { At: { } at } last || at <= fact.At.ToDateTimeOffset() ? report
            : new() { Result = Word(last.Result), Sentence = last.Sentence, ReportedAt = at.ToTimestamp(),
                FailedBefore = failed.Count, PartialBefore = partial.Count };
    }

    private static string Word(RunResult result) => result switch
    {
        RunResult.Failed => "failed", RunResult.Partial => "partial", _ => "good",
    };
}
