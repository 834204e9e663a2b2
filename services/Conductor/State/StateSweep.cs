using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.State;

/// <summary>
/// Has states folded anew: when the change feed names an instance, and by looking itself, so that neither a lost word nor another Conductor
/// with a registry of its own leaves one behind. What is not settled is looked at every 2 s; for the rest the names of all facts are listed
/// and compared, at least 30 s apart. Looks that take long are taken less often (<see cref="Cadence"/>).
/// </summary>
internal sealed class StateSweep(
    StateKeeper keeper, EvidenceReader reader, SnapshotStore snapshots, ObjectStore store, ChangeFeed feed, TimeProvider clock, ILogger<StateSweep> log) : BackgroundService
{
    // Fewer are read in a moment; and no more than a fifth of them is read on top of a snapshot.
    private const int AtOnce = 8, LeastForSnapshot = 1000, NewerShare = 5;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2), FactsPeriod = TimeSpan.FromSeconds(30);

    private long snapshotAt;
    private readonly Cadence names = new(Period, clock), facts = new(FactsPeriod, clock);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var news = feed.Listen(_ => true);
        try
        {
            await Task.WhenAll(FollowFeed(news.Names, stoppingToken), FollowTimer(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task FollowFeed(ChannelReader<CertName> news, CancellationToken stopping)
    {
        await foreach (var name in news.ReadAllAsync(stopping))
            await TryRefold(name, stopping);
    }

    private async Task FollowTimer(CancellationToken stopping)
    {
        await Recall(stopping);
        using var timer = new PeriodicTimer(Period, clock);
        do
        {
            try
            {
                await Look(stopping);
            }
            catch (FaultException e)
            {
                Log.SweepFailed(log, e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }

    private async Task Recall(CancellationToken stopping)
    {
        try
        {
            var count = 0;
            await foreach (var evidence in snapshots.Latest(stopping))
            {
                keeper.Adopt(evidence);
                count++;
            }
            if (count > 0)
                Log.Recalled(log, count);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            // It only saves time.
            Log.SnapshotUnread(log, e.Message);
        }
    }

    private async Task Look(CancellationToken stopping)
    {
        // 1. what was launched, here or elsewhere
        var known = keeper.All.Where(i => !InstanceFold.IsSettled(i)).Select(i => CertName.Parse(i.Certname)).ToHashSet();
        var first = !keeper.SeenAll;
        IReadOnlyList<CertName>? all = null;
        if (first || names.IsDue)
        {
            all = await names.Measure(() => keeper.Names(stopping));
            known.UnionWith(all.Where(n => keeper.Current(n) is null));
        }
        // 2. what has other facts than when it was folded, or failed and may come right after all
        if (all is not null && (first || facts.IsDue))
        {
            var listed = await facts.Measure(() => FactsByName(stopping));
            known.UnionWith(all.Where(n => keeper.Current(n) is not { State: InstanceState.Converged or InstanceState.Terminated } || !AsRead(n, listed.GetValueOrDefault(n))));
        }
        // 3. each of them by itself
        var missed = 0;
        await Parallel.ForEachAsync(known, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stopping }, async (name, cancel) =>
        {
            if (!await TryRefold(name, cancel))
                Interlocked.Increment(ref missed);
        });
        // 4. the registry's index, whole
        await keeper.MendIndex(whole: first);
        if (missed == 0)
            keeper.TellSeenAll();
        // 5. what the next start need not read again
        if (keeper.SeenAll)
            await Snapshot(stopping);
    }

    private bool AsRead(CertName name, List<string>? listed) =>
        reader.Last(name) is { } evidence && evidence.Facts.Count == (listed?.Count ?? 0) && evidence.Facts.All(f => listed!.Contains(f.Event));

    private async Task<Dictionary<CertName, List<string>>> FactsByName(CancellationToken cancel)
    {
        var found = new Dictionary<CertName, List<string>>();
        await foreach (var key in store.List(ObjectKeys.Facts, null, cancel))
        {
            if (key.Split('/') is not [_, var text, var fact] || !CertName.TryParse(text, out var name, out _))
                continue;
            if (!found.TryGetValue(name, out var list))
                found.Add(name, list = new(3));
            list.Add(fact);
        }
        return found;
    }

    private async Task Snapshot(CancellationToken stopping)
    {
        try
        {
            var (changes, count) = (keeper.Changes, keeper.Count);
            if (count < LeastForSnapshot || changes - snapshotAt < Math.Max(LeastForSnapshot, count / NewerShare))
                return;
            snapshotAt = changes;
            if (await snapshots.Save(keeper.Memory.Take(null, int.MaxValue, _ => true).Select(k => reader.Last(k.Name)).OfType<Evidence>(), stopping))
                Log.SnapshotTaken(log, count);
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
            await keeper.Refold(name, stopping);
        }
        catch (InvalidDataException e)
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
            // A record that parses and still makes no sense: this instance's trouble, nobody else's.
            Log.Damaged(log, name, e.Message);
        }
        return true;
    }
}
