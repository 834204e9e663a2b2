using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Providers.Local;

/// <summary>
/// At start: local instances that should run and do not (the host restarted) are booted again; one whose start was not recorded (we were
/// killed in between) is; what a terminated one left is removed. Only what has a directory here is touched.
/// </summary>
internal sealed class LocalInstanceRecovery(LocalProvider provider, InstanceRecordsReader reader, InstanceEventStore facts,
    Timeline timeline, TimeProvider clock, ILogger<LocalInstanceRecovery> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            if (await provider.CheckReady(stoppingToken) is { } unfit)
                Log.CheckReady(log, provider.Name, unfit);
            await Parallel.ForEachAsync(provider.Kept(),
                new ParallelOptions { MaxDegreeOfParallelism = 5, CancellationToken = stoppingToken }, One);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async ValueTask One(CertName name, CancellationToken cancel)
    {
        while (!await Try(name, cancel))
            await Task.Delay(Pause, clock, cancel);
    }

    private async Task<bool> Try(CertName name, CancellationToken cancel)
    {
        try
        {
            await Remediate(name, cancel);
            return true;
        }
        catch (FaultException e) when (e.Kind == FaultKind.Unavailable)
        {
            return false;
        }
        catch (Exception e) when (e is ProviderException or InvalidDataException or UnreadableObjectException)
        {
            Log.BootFailed(log, name, e.Message);
            return true;
        }
    }

    private async Task Remediate(CertName name, CancellationToken cancel)
    {
        if (await reader.Read(name, cancel) is not { } records)
        {
            Log.Orphan(log, name);
            return;
        }
        var state = InstanceProjection.StateOf(records);
        if (records.Launch.Account != provider.Account || state == InstanceState.Terminating)
            return; // another's, or the terminate saga's
        if (state == InstanceState.Terminated)
        {
            await provider.Stop(name, "", default, cancel);
            return;
        }
        var ran = (await provider.Look(name, "", cancel)).State == Sighting.Running;
        var instanceId = await provider.Boot(name, cancel);
        if (!ran)
        {
            Log.BootedAgain(log, name);
            var now = clock.NowMs();
            timeline.Add("conductor", name, $"booted-again:{now.ToUnixTimeSeconds()}",
                "the host restarted; the instance was booted again", at: now);
        }
        await facts.Write(name, new InstanceFact { Event = InstanceEvents.Launched, InstanceId = instanceId }, cancel);
    }
}
