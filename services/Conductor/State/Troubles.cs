using Overture.Conductor.V1;

namespace Overture.Conductor.State;

/// <summary>What went wrong, and when.</summary>
/// <param name="Kind">Which of the failed twins.</param>
/// <param name="At">Any later positive fact clears it.</param>
/// <param name="Detail">One sentence with the next step.</param>
internal sealed record Trouble(InstanceTrouble Kind, DateTimeOffset At, string Detail);

/// <summary>The troubles that evidence tells of. Pure.</summary>
internal static class Troubles
{
    private static readonly TimeSpan RunningLimit = TimeSpan.FromMinutes(10), CsrLimit = TimeSpan.FromMinutes(30), ConvergedLimit = TimeSpan.FromMinutes(60);

    /// <summary>The latest one that no positive fact came after, or null.</summary>
    /// <param name="evidence">What is known.</param>
    /// <param name="lastGood">Time of the latest positive fact.</param>
    /// <param name="now">For the missed deadline.</param>
    public static Trouble? Standing(Evidence evidence, DateTimeOffset lastGood, DateTimeOffset now) =>
        All(evidence, now).Where(t => t.At >= lastGood).OrderByDescending(t => t.At).ThenByDescending(t => t.Kind).FirstOrDefault();

    private static IEnumerable<Trouble> All(Evidence evidence, DateTimeOffset now)
    {
        if (evidence.Fact(FactLog.LaunchFailed) is { } failed && evidence.Fact(FactLog.Launched) is null)
        {
            yield return new(InstanceTrouble.LaunchFailed, failed.At.ToDateTimeOffset(),
                $"The provider did not start it: {failed.Detail}. Mend that and repeat the launch with the same request id, or terminate it.");
        }
        if (evidence.Claim is null)
        {
            foreach (var trouble in BeforeTheClaim(evidence, now))
                yield return trouble;
        }
        if (evidence.Fact(FactLog.Converged) is null && evidence.Certificate?.At.Maybe() is { } signed
            && signed + Limit(evidence.Launch.ConvergedSeconds, ConvergedLimit) is var latestRun && now >= latestRun)
        {
            yield return new(InstanceTrouble.BootStalled, latestRun, evidence.FirstServed is null
                ? $"It has its certificate since {signed:HH:mm:ss'Z'}, and no puppetserver asked for its classification. See that it reaches the puppetserver, and that that one uses overture-enc."
                : $"It has its certificate since {signed:HH:mm:ss'Z'} and was classified, and no good run was reported. See the agent's log, and that the puppetserver sends its reports here.");
        }
        // Later failed runs are Puppet's everyday business: launching is over once a good run was reported.
        if (evidence.Fact(FactLog.Converged) is null && evidence.FailedRuns.MaxBy(f => f.At.ToDateTimeOffset()) is { } run)
        {
            yield return new(InstanceTrouble.RunFailed, run.At.ToDateTimeOffset(),
                $"The Puppet run failed: {run.Detail}. Mend the code or the node definition; the agent tries again by itself.");
        }
    }

    private static TimeSpan Limit(uint seconds, TimeSpan usual) => seconds == 0 ? usual : TimeSpan.FromSeconds(seconds);

    private static IEnumerable<Trouble> BeforeTheClaim(Evidence evidence, DateTimeOffset now)
    {
        var deadline = evidence.Launch.Deadline.ToDateTimeOffset();
        var launched = evidence.Fact(FactLog.Launched)?.At.Maybe();
        var ran = evidence.Fact(FactLog.Running)?.At.Maybe() ?? (evidence.Fact(FactLog.Launched) is { Pending: true } ? null : launched);
        if (launched + Limit(evidence.Launch.RunningSeconds, RunningLimit) is { } latestStart && ran is null && now >= latestStart)
        {
            yield return new(InstanceTrouble.BootStalled, latestStart,
                $"The provider accepted it and has not started it since {launched:HH:mm:ss'Z'}. Look at the provider's own events; terminate it and launch again.");
        }
        if (ran + Limit(evidence.Launch.CsrSeconds, CsrLimit) is { } latestRequest && now >= latestRequest && now < deadline
            && evidence.Held is null && evidence.Refusals.Count == 0)
        {
            yield return new(InstanceTrouble.BootStalled, latestRequest,
                $"It runs since {ran:HH:mm:ss'Z'} and has asked for no certificate. Read its console: overture instance console {evidence.Name}.");
        }
        if (now >= deadline)
        {
            yield return new(InstanceTrouble.BootStalled, deadline,
                "It asked for no certificate before the deadline, and its token is void now. Read its console, terminate it and launch again.");
        }
        if (evidence.Held is { } held)
        {
            yield return new(InstanceTrouble.CsrHeld, held.ReceivedAt.ToDateTimeOffset(),
                $"Its certificate request waits for a person: {held.Decision?.Sentence ?? "see the list of requests"}");
        }
        if (evidence.Refusals.MaxBy(r => r.At.ToDateTimeOffset()) is { } refusal)
        {
            yield return new(InstanceTrouble.CsrRefused, refusal.At.ToDateTimeOffset(),
                $"Its certificate request was refused ({refusal.Reason}): {refusal.Detail}. A request with the right token is still welcome until the deadline.");
        }
    }
}
