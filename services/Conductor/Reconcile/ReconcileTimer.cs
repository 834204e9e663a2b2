using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.State;
using Overture.Platform.Registry;

namespace Overture.Conductor.Reconcile;

/// <summary>Reconciles every 60 s, one Conductor of the deployment at a time.</summary>
internal sealed class ReconcileTimer(Reconciler reconciler, Lease lease, StateKeeper keeper, TimeProvider clock, ILogger<ReconcileTimer> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(60), LeaseLife = TimeSpan.FromSeconds(50);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await Once(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task Once(CancellationToken stopping)
    {
        try
        {
            // Before it has seen all, what it knows says little.
            if (!keeper.SeenAll)
                return;
            if (!await lease.TryTake(reconciler.Task, LeaseLife))
            {
                ReconcileMetrics.NotOurs();
                return;
            }
            await reconciler.Run(apply: true, orphans: false, limit: 0, stopping);
            await lease.Release(reconciler.Task);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            // Whatever it was, the next cycle looks again: a comparison that failed must not end the service.
            Log.ReconcileWaits(log, e.Message);
        }
    }
}
