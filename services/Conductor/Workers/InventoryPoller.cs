using System.Collections.Concurrent;
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
    InstanceTable table, ProviderSet providers, FirstLooks looks, InstanceEventStore facts, Timeline timeline, TimeProvider clock,
    ILogger<InventoryPoller> log) : PeriodicWorker(TimeSpan.FromSeconds(5), clock)
{
    private const string Missing = "missing";

    private readonly ConcurrentDictionary<IProvider, DateTimeOffset> looked = new();
    private readonly ConcurrentDictionary<CertName, int> missed = new();

    // A provider that does not answer holds up its own instances alone.
    protected override Task Turn(CancellationToken cancel) => table.SeenAll
        ? Task.WhenAll(providers.All.Select(p => LookIfDue(p, cancel))) : Task.CompletedTask;

    private async Task LookIfDue(IProvider provider, CancellationToken cancel)
    {
        var held = table.Rows.All.Where(r => r.State < InstanceState.Terminating && r.InstanceId.Length > 0
            && providers.HolderOf(r.Provider, r.Account, r.Region) == provider).ToList();
        var now = Clock.GetUtcNow();
        if (held.Count == 0 || (!held.Exists(r => r.IsPending) && now - looked.GetValueOrDefault(provider) < provider.LookEvery))
            return;
        looked[provider] = now;
        try
        {
            var listed = (await provider.Inventory(cancel)).ToLookup(l => l.Name, StringComparer.Ordinal);
            var rule = new Unlisted(provider.Settling, listed.Count, held.Count) { IsFurther = provider.IsFurther };
            foreach (var row in held)
                await Note(rule, row, listed, now, cancel);
        }
        catch (ProviderException e)
        {
            Log.Blind(log, $"{provider.Name} {provider.Account}", e.Message);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            // The store is away, as a rule: the next look says it again.
            Log.SweepFailed(log, e.Message);
        }
    }

    private async Task Note(Unlisted rule, InstanceRow row, ILookup<string, Listed> listed, DateTimeOffset now, CancellationToken cancel)
    {
        var seen = listed[row.Name.ToString()].Where(l => l.Seen.InstanceId == row.InstanceId).Select(l => l.Seen).ToList();
        // 1. it runs, at last
        if (row.IsPending && seen.Find(s => s.State == Sighting.Running) is { } running)
            await Runs(row.Name, running, cancel);
        // 2. whether it does not any more
        if (seen.Count > 0)
            missed.TryRemove(row.Name, out _);
        var absence = seen.Exists(s => s.State is Sighting.Running or Sighting.Pending) ? null
            : seen.Count > 0 ? new Absence(seen[0].Phase, seen[0].Why, now)
            : IsMissing(rule, row, now) ? new Absence(Missing, "", now) : row.Absence;
        if (seen.Count > 0 && absence is null)
            looks.AtProvider(row.Name);
        if (absence?.State != row.Absence?.State || absence?.Why != row.Absence?.Why)
            await table.Update(row.Name, r => r with { Absence = absence }, cancel);
    }

    // Looks count from when it should be listed, and only such as show anything.
    private bool IsMissing(Unlisted rule, InstanceRow row, DateTimeOffset now) =>
        rule.IsCurrent || (!rule.IsBlind && !rule.MayCome(row.Records().Fact(InstanceEvents.Launched)?.At.Maybe(), now)
            && missed.AddOrUpdate(row.Name, 1, (_, n) => n + 1) >= rule.LooksNeeded);

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
