using System.Collections.Concurrent;
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
/// Keeps the state of every instance: folds it anew when the change feed names it, and looks for itself on a timer (what is not settled every
/// 2 s, the rest every 30 s), so that neither a lost word nor another Conductor with a registry of its own leaves it behind. The registry's
/// index is written from here alone; when the registry was emptied it is written again, while reads go to the store.
/// </summary>
internal sealed class StateKeeper(
    ObjectStore store, EvidenceReader reader, InstanceIndex index, ChangeFeed feed, TimeProvider clock, ILogger<StateKeeper> log) : BackgroundService
{
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(2), LongSweep = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<CertName, Instance> known = new();
    private readonly ConcurrentDictionary<CertName, bool> stale = new();
    private readonly PerName oneAtATime = new();
    private readonly Channel<CertName> named = Channel.CreateBounded<CertName>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>An instance has another state or trouble than before. Handlers must be quick and not throw.</summary>
    public event Action<Instance>? Changed;

    /// <summary>Every instance was looked at since the start; before that the registry's index may lack some and we can't tell.</summary>
    public bool SeenAll { get; private set; }

    /// <summary>The last fold, at most one sweep old; null: not seen yet. A message that nobody may change.</summary>
    public Instance? Current(CertName name) => known.GetValueOrDefault(name);

    public IReadOnlyCollection<Instance> All => [.. known.Values];

    /// <summary>Reads the store, folds, tells whoever watches, and writes the index (best effort).</summary>
    /// <returns>Null: no such instance.</returns>
    public async Task<Instance?> Refold(CertName name, CancellationToken cancel)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        if (await reader.Read(name, cancel) is not { } evidence)
            return null;
        var before = known.GetValueOrDefault(name);
        var now = InstanceFold.From(evidence, clock.GetUtcNow());
        if (now.Equals(before))
            return before;
        known[name] = now;
        await Save(name, now);
        if (before?.State != now.State || before.Trouble != now.Trouble)
            Log.Moved(log, now.Certname, now.State, now.Trouble);
        Changed?.Invoke(now);
        return now;
    }

    /// <summary>Every name that was launched, from the store.</summary>
    public async Task<IReadOnlyList<CertName>> Names(CancellationToken cancel)
    {
        var names = new List<CertName>();
        await foreach (var key in store.List(ObjectKeys.Launches, null, cancel))
        {
            if (CertName.TryParse(key[ObjectKeys.Launches.Length..], out var name, out _))
                names.Add(name);
        }
        return names;
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        feed.Changed += (name, _) => named.Writer.TryWrite(name);
        return Task.WhenAll(FollowFeed(stoppingToken), FollowTimer(stoppingToken));
    }

    private async Task FollowFeed(CancellationToken stopping)
    {
        try
        {
            await foreach (var name in named.Reader.ReadAllAsync(stopping))
                await TryRefold(name, stopping);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task FollowTimer(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Sweep, clock);
        var lastLong = DateTimeOffset.MinValue;
        try
        {
            do
            {
                var everything = clock.GetUtcNow() - lastLong >= LongSweep;
                if (everything)
                    lastLong = clock.GetUtcNow();
                await LookForChanges(everything, stopping);
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task LookForChanges(bool everything, CancellationToken stopping)
    {
        try
        {
            foreach (var name in await Names(stopping))
            {
                var instance = known.GetValueOrDefault(name);
                if (instance is null || (instance.State != InstanceState.Terminated && (everything || !InstanceFold.IsSettled(instance))))
                    await TryRefold(name, stopping);
            }
            await MendIndex();
            SeenAll = true;
        }
        catch (FaultException e)
        {
            Log.SweepFailed(log, e.Message);
        }
    }

    private async Task TryRefold(CertName name, CancellationToken stopping)
    {
        try
        {
            await Refold(name, stopping);
        }
        catch (InvalidDataException e)
        {
            Log.Damaged(log, name, e.Message);
        }
        catch (FaultException e)
        {
            Log.SweepFailed(log, e.Message);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A record that parses and still makes no sense: this instance's trouble, nobody else's.
            Log.Damaged(log, name, e.Message);
        }
    }

    private async Task Save(CertName name, Instance instance)
    {
        try
        {
            await index.Save(name, RecordJson.WriteText(instance), instance.CreatedAt.ToDateTimeOffset());
        }
        catch (FaultException)
        {
            stale[name] = true; // written when the registry is back
        }
    }

    private async Task MendIndex()
    {
        try
        {
            var had = await index.Count();
            var all = known.ToArray();
            if (had < all.Length)
                Log.IndexRebuilt(log, had, all.Length);
            foreach (var (name, instance) in all)
            {
                if (had < all.Length || stale.TryRemove(name, out _))
                    await Save(name, instance);
            }
        }
        catch (FaultException)
        {
            // the registry is away; the next sweep tries again
        }
    }
}
