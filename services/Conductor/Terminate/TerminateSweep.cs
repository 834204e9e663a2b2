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
                await Once(keeper.All.Where(i => i.State == InstanceState.Terminating).Select(i => CertName.Parse(i.Certname)), stoppingToken);
        }
        catch (OperationCanceledException)
        {
            // stopping
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
            catch (Exception e) when (e is FaultException or InvalidDataException)
            {
                Log.TerminateWaits(log, name, e.Message);
            }
        }
    }
}
