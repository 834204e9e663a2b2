using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Registry;
using Overture.Platform.Serving;

namespace Overture.Conductor.Workers;

/// <summary>
/// Follows the reports of converged nodes, whichever Conductor took them, and notes whose are overdue. While the registry is away nothing
/// is called overdue, nor within the same time after it: reports of that time are known to one Conductor alone.
/// </summary>
internal sealed class RunFollower(InstanceTable table, LastRuns runs, FirstLooks looks, ConductorOptions options, TimeProvider clock)
    : PeriodicWorker(TimeSpan.FromSeconds(10), clock)
{
    private const int Intervals = 3;

    // Clocks of other Conductors may be behind.
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Whole = TimeSpan.FromMinutes(30);
    private DateTimeOffset latest = DateTimeOffset.UnixEpoch + Overlap, seeingSince, wholeAt;
    private bool isBlind;

    protected override async Task Turn(CancellationToken cancel)
    {
        if (!table.SeenAll)
            return;
        // 1. since when reports are kept, and have been seen here
        var now = Clock.GetUtcNow();
        await runs.Begin(now);
        if (await runs.Since() is not { } kept)
            return;
        if (isBlind)
            (isBlind, seeingSince) = (false, now);
        // 2. what came; once a run interval all of it, since clocks of other Conductors may be wrong
        var whole = now - wholeAt >= Whole;
        if (whole)
            wholeAt = now;
        foreach (var run in await runs.From(whole ? DateTimeOffset.UnixEpoch : latest - Overlap))
            await Take(run, now, cancel);
        // 3. what did not
        await Overdue(kept, now, cancel);
        looks.AtRuns();
    }

    private async Task Overdue(DateTimeOffset kept, DateTimeOffset now, CancellationToken cancel)
    {
        if (options.Reports.RunInterval == TimeSpan.Zero)
            return;
        var begin = kept > seeingSince ? kept : seeingSince;
        foreach (var row in table.Rows.All.Where(r => r.State == InstanceState.Converged))
        {
            var last = row.LastRun?.At ?? DateTimeOffset.FromUnixTimeMilliseconds(row.Place.LaunchedMs);
            var due = (last > begin ? last : begin) + (options.Reports.RunInterval * Intervals);
            if (now >= due && row.LastRun?.OverdueSince is null)
                await table.Update(row.Name, r => r with { LastRun = (r.LastRun ?? LastRun.None) with { OverdueSince = due } }, cancel);
        }
    }

    protected override void Failed(Exception e) => isBlind = true;

    protected override bool IsExpected(Exception e) => FaultException.Of(e) is { Reason: Reason.RegistryUnavailable };

    private async Task Take(ReportedRun run, DateTimeOffset now, CancellationToken cancel)
    {
        // Never ahead of this clock: what others write meanwhile would be passed over.
        if (run.At > latest)
            latest = run.At < now ? run.At : now;
        if (table.Rows.Find(run.Name) is not { State: < InstanceState.Terminating } row)
            await runs.Remove(run.Name);
        else if (row.LastRun?.At is not { } known || known < run.At)
            await table.Update(run.Name, r => r with { LastRun = LastRun.Of(run) }, cancel);
    }
}
