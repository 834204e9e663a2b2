using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Serving;

namespace Overture.Conductor.Workers;

/// <summary>
/// Refreshes states: when the change feed names an instance, and by polling, so that neither a lost message nor another Conductor
/// with a registry of its own leaves one behind. What is not settled is looked at every 2 s; for the rest the names of all facts are listed
/// and compared, at least 30 s apart. Looks that take long are taken less often (<see cref="AdaptiveInterval"/>).
/// </summary>
internal sealed class StateSweep(
    InstanceTable table, FleetScan scan, SnapshotStore snapshots, ObjectStore store, ChangeFeed feed, TimeProvider clock,
    ILogger<StateSweep> log) : PeriodicWorker(Period, clock)
{
    // Fewer are read in a moment; and no more than a fifth of them is read on top of a snapshot.
    private const int AtOnce = 8, LeastForSnapshot = 1000, NewerShare = 5;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2), FactsPeriod = TimeSpan.FromSeconds(30);

    private readonly HashSet<CertName> recalled = [];
    private long snapshotAt;
    private readonly AdaptiveInterval names = new(Period, clock), facts = new(FactsPeriod, clock);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // An instance's words change no state.
        using var news = feed.Listen(e => !e.StartsWith(InstanceEvents.AgentSaid, StringComparison.Ordinal)
            && !e.StartsWith(InstanceEvents.BootStage, StringComparison.Ordinal));
        await Task.WhenAll(FollowFeed(news.Names, stoppingToken), FollowTimer(stoppingToken));
    }

    private async Task FollowFeed(ChannelReader<CertName> news, CancellationToken stopping)
    {
        await foreach (var name in news.ReadAllAsync(stopping))
            await TryRefold(name, stopping);
    }

    private async Task FollowTimer(CancellationToken stopping)
    {
        await Recall(stopping);
        await base.ExecuteAsync(stopping);
    }

    protected override bool AtStart => true;

    protected override bool IsExpected(Exception e) => true;

    protected override void Failed(Exception e) => Log.SweepFailed(log, e.Message);

    private async Task Recall(CancellationToken stopping)
    {
        try
        {
            await foreach (var records in snapshots.Latest(stopping))
            {
                table.Adopt(records);
                recalled.Add(records.Name);
            }
            if (recalled.Count > 0)
                Log.Recalled(log, recalled.Count);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            // It only saves time.
            Log.SnapshotUnread(log, e.Message);
        }
    }

    protected override async Task Turn(CancellationToken stopping)
    {
        // 1. what was launched, here or elsewhere
        var known = table.Rows.All.Where(r => !r.IsSettled).Select(r => r.Name).ToHashSet();
        var first = !table.SeenAll;
        IReadOnlyList<CertName>? all = null;
        if (first || names.IsDue)
        {
            all = await names.Measure(() => table.Names(stopping));
            known.UnionWith(all.Where(n => table.Rows.Find(n) is null));
        }
        if (first)
            DropAllBut(all!);
        // 2. what has other facts than when it was read, or failed and may come right after all
        if (all is not null && (first || facts.IsDue))
        {
            var (listed, stale) = await facts.Measure(async () => (await FactsByName(stopping), await scan.Run(stopping)));
            known.UnionWith(all.Where(n => table.Rows.Find(n) is not
                { State: InstanceState.Converged or InstanceState.Terminated, Unrevoked: false } row
                || row.Facts != listed.GetValueOrDefault(n)));
            known.UnionWith(stale);
        }
        // 3. each of them by itself; and what time alone changes
        var now = Clock.GetUtcNow();
        var many = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stopping };
        await Parallel.ForEachAsync(table.Rows.All.Where(r => r.NextChange <= now && !known.Contains(r.Name)).ToList(), many,
            async (row, cancel) => await table.Update(row.Name, r => r, cancel));
        var missed = 0;
        await Parallel.ForEachAsync(known, many, async (name, cancel) =>
        {
            if (!await TryRefold(name, cancel))
                Interlocked.Increment(ref missed);
        });
        // 4. the registry's index, whole
        await table.RepairIndex(whole: first);
        if (missed == 0)
            table.MarkSeenAll();
        // 5. what the next start need not read again
        if (table.SeenAll)
            await Snapshot(stopping);
    }

    // Launches of a snapshot that are no longer in the store.
    private void DropAllBut(IReadOnlyList<CertName> all)
    {
        recalled.ExceptWith(all);
        foreach (var gone in recalled)
            table.Drop(gone);
        recalled.Clear();
    }

    private async Task<Dictionary<CertName, FactSet>> FactsByName(CancellationToken cancel)
    {
        var found = new Dictionary<CertName, FactSet>();
        await foreach (var key in store.List(ObjectKeys.Facts, null, cancel))
        {
            if (key.Split('/') is not [_, var text, var fact] || !CertName.TryParse(text, out var name, out _))
                continue;
            found[name] = found.GetValueOrDefault(name).With(fact);
        }
        return found;
    }

    private async Task Snapshot(CancellationToken stopping)
    {
        try
        {
            var (changes, count) = (table.Changes, table.Rows.Count);
            if (count < LeastForSnapshot || changes - snapshotAt < Math.Max(LeastForSnapshot, count / NewerShare))
                return;
            snapshotAt = changes;
            if (await snapshots.Save(table.Rows.Take(null, int.MaxValue, r => !r.Unrevoked).Select(r => r.Evidence()), stopping))
            {
                Log.SnapshotTaken(log, count);
            }
        }
        catch (FaultException e)
        {
            Log.SnapshotFailed(log, e.Message);
        }
    }

    /// <returns>False: the store is away.</returns>
    private async Task<bool> TryRefold(CertName name, CancellationToken stopping)
    {
        try
        {
            await table.Refold(name, stopping);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            Log.Damaged(log, name, e.Message);
        }
        catch (FaultException e)
        {
            Log.SweepFailed(log, e.Message);
            return false;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A record that parses but is inconsistent affects this instance alone.
            Log.Damaged(log, name, e.Message);
        }
        return true;
    }
}
