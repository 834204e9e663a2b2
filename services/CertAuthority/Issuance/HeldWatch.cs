using System.Threading.Channels;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.Issuance;

/// <summary>Reviews held requests when the change feed names them (their registration has landed), and all of them every 30 s; drops the old.</summary>
internal sealed class HeldWatch(HeldRequests held, ReviewHeld review, ChangeFeed feed, TimeProvider clock, ILogger<HeldWatch> log) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(30);
    private readonly Channel<CertName> named = Channel.CreateBounded<CertName>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropWrite });

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        void Hear(CertName name, string what) => named.Writer.TryWrite(name);
        feed.Changed += Hear;
        try
        {
            await Task.WhenAll(FollowFeed(stoppingToken), FollowTimer(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
        finally
        {
            feed.Changed -= Hear;
        }
    }

    private async Task FollowFeed(CancellationToken stopping)
    {
        await foreach (var name in named.Reader.ReadAllAsync(stopping))
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
        catch (Exception e) when (e is FaultException or InvalidDataException or System.Security.Cryptography.CryptographicException)
        {
            Log.SweepFailed(log, what, e.Message);
        }
    }
}
