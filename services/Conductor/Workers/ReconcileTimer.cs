using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Reconcile;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Registry;
using Overture.Platform.Serving;

namespace Overture.Conductor.Workers;

/// <summary>
/// Reconciles every 60 s, one Conductor of the deployment at a time: by a lease in the registry; and while that is away, by the time of the
/// last comparison in the store's fence, less often.
/// </summary>
internal sealed class ReconcileTimer(
    Reconciler reconciler, Lease lease, FencingLock fencing, InstanceTable table, TimeProvider clock, RandomNumberGenerator random,
    ILogger<ReconcileTimer> log) : PeriodicWorker(TimeSpan.FromSeconds(60), clock)
{
    private static readonly TimeSpan LeaseLife = TimeSpan.FromSeconds(50), WithoutLease = TimeSpan.FromSeconds(110),
        MaxJitter = TimeSpan.FromSeconds(60);

    protected override Task Turn(CancellationToken cancel) => Once(cancel);

    /// <returns>Whether this Conductor compared; else another does, or it could not.</returns>
    internal async Task<bool> Once(CancellationToken stopping)
    {
        try
        {
            // Before it has seen all, what it knows says little.
            if (!table.SeenAll)
                return false;
            if (!await IsOurTurn(stopping))
            {
                ReconcileMetrics.NotOurs();
                return false;
            }
            await reconciler.Run(apply: true, orphans: false, limit: 0, stopping);
            await Release();
            return true;
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            // Whatever it was, the next cycle looks again: a comparison that failed must not end the service.
            Log.ReconcileWaits(log, e.Message);
            return false;
        }
    }

    private async Task<bool> IsOurTurn(CancellationToken stopping)
    {
        try
        {
            return await lease.TryTake(reconciler.Task, LeaseLife);
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            // Two that begin together all the same are kept apart by the fence: the earlier one stops.
            var quiet = WithoutLease + MaxJitter * Share();
            return await fencing.LastRaised(reconciler.Task, stopping) is not { } last
                || Clock.GetUtcNow() is var now && (now < last || now - last >= quiet);
        }
    }

    private double Share()
    {
        Span<byte> drawn = stackalloc byte[2];
        random.GetBytes(drawn);
        return BitConverter.ToUInt16(drawn) / (double)ushort.MaxValue;
    }

    private async Task Release()
    {
        try
        {
            await lease.Release(reconciler.Task);
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            // It expires by itself.
        }
    }
}
