using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>What went wrong, and when.</summary>
/// <param name="Kind">Which one.</param>
/// <param name="At">Any later positive fact clears it.</param>
/// <param name="Detail">One sentence with the next step.</param>
internal sealed record Condition(InstanceTrouble Kind, DateTimeOffset At, string Detail);

/// <summary>Derives conditions from records. Pure.</summary>
internal static class Conditions
{
    private const string Mend = "Fix the code or the node definition; the agent tries again by itself.";
    private const string Whole = "Run the agent without --noop, --tags and the like; it counts once it has applied everything.";
    private static readonly TimeSpan RunningLimit = TimeSpan.FromMinutes(10), CsrLimit = TimeSpan.FromMinutes(30),
        ConvergedLimit = TimeSpan.FromMinutes(60);

    /// <summary>The latest one that no positive fact came after, or null; a partial run only where there is nothing else.</summary>
    /// <param name="records">What is known.</param>
    /// <param name="lastGood">Time of the latest positive fact.</param>
    /// <param name="now">For the missed deadline.</param>
    public static Condition? Standing(InstanceRecords records, DateTimeOffset lastGood, DateTimeOffset now) =>
        All(records, now).Where(t => t.At >= lastGood).OrderBy(t => t.Kind == InstanceTrouble.PartialRun)
            .ThenByDescending(t => t.At).ThenByDescending(t => t.Kind).FirstOrDefault();

    private static IEnumerable<Condition> All(InstanceRecords records, DateTimeOffset now)
    {
        if (records.LaunchFailure is { } failed && records.Fact(InstanceEvents.Launched) is null)
        {
            // One step, and one that works: the same request again is the same launch, and a request id with another spec is refused.
            var next = failed.Final
                ? $"It can't be started as requested: terminate it (overture instance terminate {records.Name}) and launch another"
                : $"Once that is fixed, try again: overture instance retry {records.Name}";
            yield return new(InstanceTrouble.LaunchFailed, failed.At.ToDateTimeOffset(),
                $"The provider did not start it: {failed.Detail.TrimEnd('.')}. {next}.");
        }
        if (records.Claim is null)
        {
            foreach (var condition in BeforeTheClaim(records, now))
                yield return condition;
        }
        if (records.Fact(InstanceEvents.Converged) is null)
        {
            foreach (var condition in BeforeTheFirstGoodRun(records, now))
                yield return condition;
        }
    }

    // Later failed runs are Puppet's everyday business: launching is over once a good run was reported.
    private static IEnumerable<Condition> BeforeTheFirstGoodRun(InstanceRecords records, DateTimeOffset now)
    {
        var failed = records.FailedRuns.MaxBy(f => f.At.ToDateTimeOffset());
        var partial = records.PartialRuns.MaxBy(f => f.At.ToDateTimeOffset());
        if (records.Certificate?.At.Maybe() is { } signed
            && signed + Limit(records.Launch.ConvergedSeconds, ConvergedLimit) is var latestRun && now >= latestRun)
        {
            // That it is late never hides why.
            var why = failed is not null ? $"no run was good; the last one that failed: {failed.Detail}. {Mend}"
                : partial is not null ? $"no run applied all of its catalog; the last one: {partial.Detail}. {Whole}"
                : records.FirstServed is null
                ? "no puppetserver asked for its classification. Check that it reaches the puppetserver, which must use overture-enc."
                : "no good run was reported, though it was classified. Check the agent's log, and that the puppetserver sends its reports "
                    + "here.";
            yield return new(InstanceTrouble.BootStalled, latestRun,
                $"It has had its certificate since {signed:HH:mm:ss'Z'}, but {why}");
        }
        if (failed is not null)
        {
            yield return new(InstanceTrouble.RunFailed, failed.At.ToDateTimeOffset(), $"The Puppet run failed: {failed.Detail}. {Mend}");
        }
        if (partial is not null)
        {
            yield return new(InstanceTrouble.PartialRun, partial.At.ToDateTimeOffset(),
                $"The Puppet run was not a whole one: {partial.Detail}. {Whole}");
        }
    }

    private static TimeSpan Limit(uint seconds, TimeSpan usual) => seconds == 0 ? usual : TimeSpan.FromSeconds(seconds);

    private static IEnumerable<Condition> BeforeTheClaim(InstanceRecords records, DateTimeOffset now)
    {
        var deadline = records.Launch.Deadline.ToDateTimeOffset();
        var launched = records.Fact(InstanceEvents.Launched)?.At.Maybe();
        var ran = records.Fact(InstanceEvents.Running)?.At.Maybe()
            ?? (records.Fact(InstanceEvents.Launched) is { Pending: true } ? null : launched);
        if (launched + Limit(records.Launch.RunningSeconds, RunningLimit) is { } latestStart && ran is null && now >= latestStart)
        {
            yield return new(InstanceTrouble.BootStalled, latestStart,
                $"The provider accepted it at {launched:HH:mm:ss'Z'} but has not started it. Check the provider's own events; terminate "
                    + "it and launch another.");
        }
        if (ran + Limit(records.Launch.CsrSeconds, CsrLimit) is { } latestRequest && now >= latestRequest && now < deadline
            && records.Held is null && records.Refusals.Count == 0)
        {
            yield return new(InstanceTrouble.BootStalled, latestRequest,
                $"It has run since {ran:HH:mm:ss'Z'} and has not requested a certificate. Read its console: overture instance console "
                    + $"{records.Name}.");
        }
        if (now >= deadline)
        {
            yield return new(InstanceTrouble.BootStalled, deadline,
                "It requested no certificate before the deadline, and its token is now void. Read its console, terminate it and launch "
                    + "another.");
        }
        if (records.Held is { } held)
        {
            yield return new(InstanceTrouble.CsrHeld, held.ReceivedAt.ToDateTimeOffset(),
                $"Its certificate request is waiting for approval: {held.Decision?.Sentence ?? "see the list of requests"}");
        }
        if (records.Refusals.MaxBy(r => r.At.ToDateTimeOffset()) is { } refusal)
        {
            yield return new(InstanceTrouble.CsrRefused, refusal.At.ToDateTimeOffset(),
                $"Its certificate request was refused ({refusal.Reason}): {refusal.Detail}. A request with the right token is still "
                    + "accepted until the deadline.");
        }
    }
}
