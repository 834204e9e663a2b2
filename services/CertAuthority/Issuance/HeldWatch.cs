using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.Issuance;

/// <summary>Reviews held requests when the change feed names them (their registration has landed), and all of them every 30 s; drops the old.</summary>
internal sealed class HeldWatch(HeldRequests held, ReviewHeld review, ChangeFeed feed, TimeProvider clock, ILogger<HeldWatch> log) : BackgroundService
{
    // The first word of the Conductor about a name.
    private const string Registered = "requested";
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var named = feed.Listen(what => what == Registered);
        try
        {
            await Task.WhenAll(FollowFeed(named, stoppingToken), FollowTimer(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task FollowFeed(ChangeFeed.Ear named, CancellationToken stopping)
    {
        await foreach (var name in named.Names.ReadAllAsync(stopping))
            await Try($"the held request of {name}", () => Review(name, stopping));
    }

    private async Task Review(CertName name, CancellationToken stopping)
    {
        if (await held.Find(name, stopping) is { } waiting)
            await review.Run(waiting, stopping);
    }

    private async Task FollowTimer(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(LookEvery, clock);
        do
        {
            await Try("held requests", async () =>
            {
                await held.Expire(stopping);
                foreach (var waiting in await held.All(stopping))
                    await Try($"the held request of {waiting.Certname}", () => review.Run(waiting, stopping));
            });
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }

    private async Task Try(string what, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.SweepFailed(log, what, e.Message);
        }
    }
}
