using Microsoft.Extensions.Logging;
using Overture.Platform.Serving;

namespace Overture.Conductor.Events;

/// <summary>Removes events that are older than events.keep, while it is this Conductor's turn.</summary>
internal sealed class EventTrim(EventCheckpoints checkpoints, EventTurn turn, ConductorOptions options, TimeProvider clock,
    ILogger<EventTrim> log) : PeriodicWorker(TimeSpan.FromMinutes(10), clock)
{
    protected override async Task Turn(CancellationToken cancel)
    {
        if (turn.IsOurs && await checkpoints.Trim(options.Events.Keep, cancel) is > 0 and var removed)
            Log.EventsTrimmed(log, removed);
    }

    protected override void Failed(Exception e) => Log.EventsNotTrimmed(log, e.Message);
}
