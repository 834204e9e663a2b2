using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Terminate;

/// <summary>Finishes what callers gave up on, or a killed Conductor left half done.</summary>
internal sealed class TerminateSweep(TerminateSaga saga, StateKeeper keeper, TimeProvider clock, ILogger<TerminateSweep> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // At start the keeper has seen nothing yet.
            await Once(await FirstLook(stoppingToken), stoppingToken);
            using var timer = new PeriodicTimer(Period, clock);
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await Expire(stoppingToken);
                await Once(keeper.All.Where(i => i.State == InstanceState.Terminating).Select(i => CertName.Parse(i.Certname)), stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    // What was to live for so long, and has.
    private async Task Expire(CancellationToken stopping)
    {
        var now = clock.GetUtcNow();
        foreach (var over in keeper.All.Where(i => i.State < InstanceState.Terminating && !i.Protected && i.Expires.Maybe() <= now))
        {
            var name = CertName.Parse(over.Certname);
            try
            {
                // As the store knows it: it may have been given a longer life a moment ago.
                if (await keeper.Refold(name, stopping) is { Protected: false, State: < InstanceState.Terminating } still && still.Expires.Maybe() <= now)
                    await saga.Begin(name, "ttl", "its time is over", stopping);
            }
            catch (Exception e) when (!stopping.IsCancellationRequested)
            {
                Log.TerminateWaits(log, name, e.Message);
            }
        }
    }

    private async Task<IReadOnlyList<CertName>> FirstLook(CancellationToken stopping)
    {
        try
        {
            return await keeper.Names(stopping);
        }
        catch (FaultException)
        {
            return []; // the store is away; the period finds them
        }
    }

    private async Task Once(IEnumerable<CertName> names, CancellationToken stopping)
    {
        foreach (var name in names)
        {
            try
            {
                if (await saga.Advance(name, stopping) is { } pending)
                    Log.TerminateWaits(log, name, pending);
            }
            catch (Exception e) when (!stopping.IsCancellationRequested)
            {
                Log.TerminateWaits(log, name, e.Message);
            }
        }
    }
}
