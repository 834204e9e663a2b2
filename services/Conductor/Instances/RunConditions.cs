using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Instances;

/// <summary>What Puppet runs say of an instance: before the first good one by its records, after that by its last report. Pure.</summary>
internal static class RunConditions
{
    private const string Mend = "Fix the code or the node definition; the agent tries again by itself.";
    private const string Whole = "Run the agent without --noop, --tags and the like; it counts once it has applied everything.";

    /// <param name="records">What is known.</param>
    /// <param name="due">Whether a moment has come.</param>
    public static IEnumerable<Condition> Of(InstanceRecords records, Func<DateTimeOffset, bool> due) =>
        records.Fact(InstanceEvents.Converged) is null ? BeforeTheFirstGoodRun(records, due) : Later(records.LastRun);

    private static IEnumerable<Condition> BeforeTheFirstGoodRun(InstanceRecords records, Func<DateTimeOffset, bool> due)
    {
        var failed = records.FailedRuns.MaxBy(f => f.At.ToDateTimeOffset());
        var partial = records.PartialRuns.MaxBy(f => f.At.ToDateTimeOffset());
        if (records.Certificate?.At.Maybe() is { } signed
            && signed + StepLimits.Converged(records.Launch) is var latest && due(latest))
        {
            // That it is late never hides why.
            var (why, next) = failed is not null
                ? ($"no run was good; the last one that failed: {failed.Detail.TrimEnd('.')}.", MendOf(failed.Detail))
                : partial is not null ? ($"no run applied all of its catalog; the last one: {partial.Detail.TrimEnd('.')}.", Whole)
                : records.FirstServed is null ? ("no puppetserver asked for its classification.",
                    "Check that it reaches the puppetserver, which must use overture-enc.")
                : ("no good run was reported, though it was classified.",
                    "Check the agent's log, and that the puppetserver sends its reports here.");
            yield return ConditionRules.New(ConditionType.Stalled, "CONVERGED", latest,
                $"It has had its certificate since {signed:HH:mm:ss'Z'}, but {why}", next);
        }
        // A run that failed before its classification was served is over with that.
        var served = records.FirstServed?.At.Maybe() ?? DateTimeOffset.MinValue;
        if (failed?.At.ToDateTimeOffset() is { } failedAt && failedAt >= served)
            yield return Failed(failed.Detail, failedAt);
        if (partial?.At.ToDateTimeOffset() is { } partialAt && partialAt >= served)
            yield return Partial(partial.Detail, partialAt);
    }

    private static IEnumerable<Condition> Later(LastRun? last)
    {
        if (last is null)
            yield break;
        if (last.Result == RunResult.Failed)
            yield return Failed(last.Sentence, last.At!.Value);
        if (last.Result == RunResult.Partial)
            yield return Partial(last.Sentence, last.At!.Value);
        if (last.OverdueSince is { } since)
        {
            yield return ConditionRules.New(ConditionType.Silent, "NO_REPORT", since,
                last.At is { } at ? $"It converged, and its last report came at {at.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}."
                    : "It converged, and no report has come since.",
                "Check that it runs, that its agent does, and that the puppetserver sends its reports here.");
        }
    }

    private static Condition Failed(string why, DateTimeOffset at) => ConditionRules.New(ConditionType.RunFailed, Reason.RunFailed.Code(),
        at, $"The Puppet run failed: {ConditionRules.Sentence(why)}", MendOf(why));

    private static string MendOf(string why) => NodeStatements.AreMissingBy(why) ? NodeStatements.Cure : Mend;

    private static Condition Partial(string why, DateTimeOffset at) => ConditionRules.New(ConditionType.PartialRun,
        Reason.RunPartial.Code(), at, $"The Puppet run was not a whole one: {ConditionRules.Sentence(why)}", Whole);
}
