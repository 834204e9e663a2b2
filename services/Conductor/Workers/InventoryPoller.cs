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
/// Looks what the providers run: records that an instance runs where its provider had only accepted it, and notes which ones do not run any
/// more. One inventory for all of them, since clouds count each call: every 5 s while one is awaited, else as often as the provider likes
/// (<see cref="IProvider.LookEvery"/>).
/// </summary>
internal sealed class InventoryPoller(
    InstanceTable table, ProviderSet providers, InstanceEventStore facts, Timeline timeline, TimeProvider clock,
    ILogger<InventoryPoller> log) : PeriodicWorker(TimeSpan.FromSeconds(5), clock)
{
    private const string Missing = "missing";
    private readonly Dictionary<string, DateTimeOffset> looked = new(StringComparer.Ordinal);

    protected override async Task Turn(CancellationToken cancel)
    {
        if (!table.SeenAll)
            return;
        foreach (var provider in providers.All)
        {
            var held = table.Rows.All.Where(r => r.State < InstanceState.Terminating && r.InstanceId.Length > 0
                && providers.HolderOf(r.Provider, r.Account) == provider).ToList();
            var now = Clock.GetUtcNow();
            if (held.Count == 0 || (!held.Exists(r => r.IsPending) && now - looked.GetValueOrDefault(provider.Name) < provider.LookEvery))
                continue;
            looked[provider.Name] = now;
            await Look(provider, held, now, cancel);
        }
    }

    private async Task Look(IProvider provider, List<InstanceRow> held, DateTimeOffset now, CancellationToken cancel)
    {
        try
        {
            var listed = (await provider.Inventory(cancel)).ToLookup(l => l.Name, StringComparer.Ordinal);
            foreach (var row in held)
            {
                var seen = listed[row.Name.ToString()].Where(l => l.Seen.InstanceId == row.InstanceId).Select(l => l.Seen).ToList();
                // 1. it runs, at last
                if (row.IsPending && seen.Find(s => s.State == Sighting.Running) is { } running)
                    await Runs(row.Name, running, cancel);
                // 2. whether it does not any more
                var absence = AbsenceOf(provider, row, seen, now);
                if (absence?.State != row.Absence?.State)
                    await table.Update(row.Name, r => r with { Absence = absence }, cancel);
            }
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Log.Blind(log, provider.Name, e.Message);
        }
    }

    // What was launched a moment ago may not be listed yet.
    private static Absence? AbsenceOf(IProvider provider, InstanceRow row, List<Sighting> seen, DateTimeOffset now)
    {
        if (seen.Exists(s => s.State is Sighting.Running or Sighting.Pending))
            return null;
        if (seen.Count > 0)
            return new Absence(seen[0].Phase, seen[0].Why, now);
        var young = now < DateTimeOffset.FromUnixTimeMilliseconds(row.Place.LaunchedMs) + provider.Settling;
        return young ? row.Absence : new Absence(Missing, "", now);
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
