using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Providers;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Reconcile;

/// <summary>
/// Writes down that an instance runs, where its provider only accepted it. One inventory for all that are pending, however many: clouds
/// count each call.
/// </summary>
internal sealed class PendingPoller(
    StateKeeper keeper, EvidenceReader reader, ProviderSet providers, FactLog facts, EventLog events, TimeProvider clock, ILogger<PendingPoller> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                foreach (var waiting in Pending().GroupBy(p => p.Holder))
                    await Look(waiting.Key, [.. waiting.Select(w => w.Name)], stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private IEnumerable<(IProvider Holder, CertName Name)> Pending()
    {
        foreach (var instance in keeper.All.Where(i => i.State < InstanceState.Terminating && i.InstanceId.Length > 0))
        {
            var name = CertName.Parse(instance.Certname);
            if (reader.Last(name) is { } evidence && evidence.Fact(FactLog.Launched) is { Pending: true } && evidence.Fact(FactLog.Running) is null
                && providers.HolderOf(evidence.Launch) is { } holder)
            {
                yield return (holder, name);
            }
        }
    }

    private async Task Look(IProvider provider, IReadOnlyList<CertName> waiting, CancellationToken cancel)
    {
        try
        {
            var running = (await provider.Inventory(cancel)).Where(l => l.Seen.State == Sighting.Running).ToLookup(l => l.Name, StringComparer.Ordinal);
            foreach (var name in waiting)
            {
                if (running[name.ToString()].FirstOrDefault(l => l.Seen.InstanceId == reader.Last(name)?.Fact(FactLog.Launched)?.InstanceId) is { } listed)
                    await Runs(name, listed.Seen, cancel);
            }
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Log.Blind(log, provider.Name, e.Message);
        }
    }

    private async Task Runs(CertName name, Sighting seen, CancellationToken cancel)
    {
        await facts.Write(name, new InstanceFact { Event = FactLog.Running, InstanceId = seen.InstanceId, Addresses = { seen.Addresses } }, cancel);
        await events.Write("conductor", name, FactLog.Running, $"{seen.InstanceId} runs{(seen.Addresses.Count > 0 ? $" at {seen.Addresses[0]}" : "")}", proof: ObjectKeys.Fact(name, FactLog.Running));
        await keeper.Refold(name, cancel);
    }
}
