using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.Revocation;

/// <summary>Closes names whose instance goes: at a word on the change feed, and by looking every 5 s for facts without a closure.</summary>
internal sealed class TerminationWatch(ObjectStore store, CloseName close, ChangeFeed feed, TimeProvider clock, ILogger<TerminationWatch> log) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private readonly HashSet<CertName> closed = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var called = feed.Listen(what => what is "terminating" or "terminated", most: 1);
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

    private async Task Wait(ChangeFeed.Ear called, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var timer = Task.Delay(LookEvery, clock, limit.Token);
        var word = called.Names.WaitToReadAsync(limit.Token).AsTask();
        await Task.WhenAny(timer, word);
        await limit.CancelAsync();
        stopping.ThrowIfCancellationRequested();
        // A word is a hint that something is there; the sweep looks for itself.
        while (called.Names.TryRead(out _))
        {
        }
    }

    private async Task Sweep(CancellationToken stopping)
    {
        try
        {
            var open = new HashSet<CertName>();
            await foreach (var key in store.List(ObjectKeys.Facts, null, stopping))
            {
                if (key.Split('/') is [_, var text, "terminating" or "terminated"] && CertName.TryParse(text, out var name, out _) && !closed.Contains(name))
                    open.Add(name);
            }
            // Together, so that one list of revoked certificates serves them all.
            await Task.WhenAll(open.Select(name => Close(name, stopping)));
        }
        catch (FaultException e)
        {
            Log.SweepFailed(log, "terminations", e.Message);
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
