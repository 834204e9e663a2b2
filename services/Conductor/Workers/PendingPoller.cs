using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.Conductor.Workers;

/// <summary>
/// Records that an instance runs, where its provider only accepted it. One inventory for all that are pending, however many: clouds
/// count each call.
/// </summary>
internal sealed class PendingPoller(
    InstanceTable table, ProviderSet providers, InstanceEventStore facts, Timeline timeline, TimeProvider clock,
    ILogger<PendingPoller> log) : PeriodicWorker(TimeSpan.FromSeconds(5), clock)
{
    protected override async Task Turn(CancellationToken cancel)
    {
        foreach (var waiting in Pending().GroupBy(p => p.Holder))
            await Look(waiting.Key, [.. waiting.Select(w => w.Name)], cancel);
    }

    private IEnumerable<(IProvider Holder, CertName Name)> Pending()
    {
        foreach (var row in table.Rows.All.Where(r => r.IsPending && r.State < InstanceState.Terminating))
        {
            if (providers.HolderOf(row.Records().Launch) is { } holder)
                yield return (holder, row.Name);
        }
    }

    private async Task Look(IProvider provider, IReadOnlyList<CertName> waiting, CancellationToken cancel)
    {
        try
        {
            var running = (await provider.Inventory(cancel)).Where(l => l.Seen.State == Sighting.Running)
                .ToLookup(l => l.Name, StringComparer.Ordinal);
            foreach (var name in waiting)
            {
                var launched = table.Current(name)?.InstanceId;
                if (running[name.ToString()].FirstOrDefault(l => l.Seen.InstanceId == launched) is { } listed)
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
        await facts.Write(name,
            new InstanceFact { Event = InstanceEvents.Running, InstanceId = seen.InstanceId, Addresses = { seen.Addresses } }, cancel);
        timeline.Add("conductor", name, InstanceEvents.Running,
            $"{seen.InstanceId} runs{(seen.Addresses.Count > 0 ? $" at {seen.Addresses[0]}" : "")}",
            proof: ObjectKeys.Fact(name, InstanceEvents.Running));
        await table.Refold(name, cancel);
    }
}
