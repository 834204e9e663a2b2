using System.Collections.Concurrent;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// Does what the Conductor's facts ask for: closes names whose instance goes, and puts names in quarantine and lifts it. At a message on
/// the change feed, and by looking every 5 s for facts that nothing was done about.
/// </summary>
internal sealed class InstanceWatch(ObjectStore store, RevokeTerminatedName close, Quarantine quarantine, ChangeFeed feed,
    TimeProvider clock, ILogger<InstanceWatch> log) : BackgroundService
{
    // Late: longer than a proxy or a connection keeps a request that its client has given up.
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5), Late = TimeSpan.FromMinutes(10);
    private const int AtOnce = 16;
    private readonly HashSet<CertName> closed = [];
    // The latest fact that was done and since when, by name.
    private readonly ConcurrentDictionary<CertName, (string Fact, long Since)> quarantines = new();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var called = feed.Listen(what => what is "terminating" or "terminated" or "quarantined" or "released", most: 1);
        try
        {
            while (true)
            {
                await Sweep(stoppingToken);
                await Wait(called, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task Wait(ChangeFeed.Subscription called, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var timer = Task.Delay(LookEvery, clock, limit.Token);
        var word = called.Names.WaitToReadAsync(limit.Token).AsTask();
        await Task.WhenAny(timer, word);
        await limit.CancelAsync();
        stopping.ThrowIfCancellationRequested();
        // A message is a hint that something is there; the sweep looks for itself.
        while (called.Names.TryRead(out _))
        {
        }
    }

    private async Task Sweep(CancellationToken stopping)
    {
        try
        {
            var open = new HashSet<CertName>();
            var latest = new Dictionary<CertName, string>();
            await foreach (var key in store.List(ObjectKeys.Facts, null, stopping))
            {
                if (key.Split('/') is [_, var text, "terminating" or "terminated"] && CertName.TryParse(text, out var name, out _)
                    && !closed.Contains(name))
                {
                    open.Add(name);
                }
                else if (key.Split('/') is [_, var who, var what] && IsQuarantine(what) && CertName.TryParse(who, out name, out _)
                    && IsLater(what, latest.GetValueOrDefault(name)))
                {
                    latest[name] = what;
                }
            }
            // Revocations wait for no quarantine. Together, so that one CRL serves them all.
            var closing = open.Select(name => Close(name, stopping)).ToList();
            var keeping = Parallel.ForEachAsync(latest.Where(l => IsNew(l.Key, l.Value) || IsRecent(l.Key)).ToList(),
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stopping },
                async (l, cancel) => await Keep(l.Key, l.Value, cancel));
            await Task.WhenAll([.. closing, keeping]);
        }
        catch (FaultException e)
        {
            Log.SweepFailed(log, "terminations", e.Message);
        }
    }

    private static bool IsQuarantine(string what) =>
        what.StartsWith(Quarantine.Begins, StringComparison.Ordinal) || what.StartsWith(Quarantine.Ends, StringComparison.Ordinal);

    private bool IsNew(CertName name, string what) => !quarantines.TryGetValue(name, out var done) || done.Fact != what;

    private bool IsRecent(CertName name) => quarantines.TryGetValue(name, out var done) && clock.GetElapsedTime(done.Since) < Late
        && !IsOld(done.Fact, clock.GetUtcNow());

    /// <summary>By the time in its id (UUIDv7): a write about a fact before it can't be on its way any more.</summary>
    internal static bool IsOld(string what, DateTimeOffset now) => Ids.TimeOf(Id(what)) is { } at && now - at > Late;

    // Their ids sort by time, whatever they say.
    private static bool IsLater(string what, string? than) => than is null || string.CompareOrdinal(Id(what), Id(than)) > 0;

    private static string Id(string what) => what[(what.IndexOf('-', StringComparison.Ordinal) + 1)..];

    private async Task Keep(CertName name, string what, CancellationToken stopping)
    {
        try
        {
            if (IsNew(name, what))
            {
                await quarantine.Run(name, what, stopping);
                quarantines[name] = (what, clock.GetTimestamp());
            }
            else
            {
                await quarantine.Settle(name, what, stopping);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.SweepFailed(log, $"the quarantine of {name}", e.Message);
        }
    }

    private async Task Close(CertName name, CancellationToken stopping)
    {
        try
        {
            await close.Run(name, stopping);
            lock (closed)
                closed.Add(name);
        }
        catch (FaultException e) when (e.Reason == Reason.StockCaUnavailable)
        {
            // said already; the next sweep tries again
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.SweepFailed(log, $"the end of {name}", e.Message);
        }
    }
}
