using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Registry;
using Overture.Platform.Serving;

namespace Overture.Conductor.Events;

/// <summary>
/// Whether this Conductor is the one that records events and delivers them: by a lease in the registry. It saves work and duplicates, and
/// proves nothing: the log and the positions of webhooks refuse the second of two writers. While the registry is away, whichever had the
/// lease goes on; after a while any does.
/// </summary>
internal sealed class EventTurn(Lease lease, TimeProvider clock, ILogger<EventTurn> log) : PeriodicWorker(TimeSpan.FromSeconds(3), clock)
{
    private const string LeaseName = "events";
    private static readonly TimeSpan Life = TimeSpan.FromSeconds(12), WithoutRegistry = TimeSpan.FromSeconds(20);
    private readonly long started = clock.GetTimestamp();
    private long? awaySince;
    private volatile bool isOurs;

    public bool IsOurs => isOurs;

    protected override bool AtStart => true;

    protected override async Task Turn(CancellationToken cancel)
    {
        var held = await lease.TryTake(LeaseName, Life);
        awaySince = null;
        Set(held);
    }

    protected override void Failed(Exception e)
    {
        awaySince ??= Clock.GetTimestamp();
        if (Clock.GetElapsedTime(awaySince ?? started) >= WithoutRegistry)
            Set(true);
    }

    protected override bool IsExpected(Exception e) => FaultException.Of(e) is { Reason: Reason.RegistryUnavailable };

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        var held = isOurs;
        isOurs = false;
        if (!held)
            return;
        try
        {
            await lease.Release(LeaseName);
        }
        catch (FaultException)
        {
            // It expires by itself.
        }
    }

    private void Set(bool held)
    {
        if (held && !isOurs)
            Log.EventsAreOurs(log);
        isOurs = held;
    }
}
