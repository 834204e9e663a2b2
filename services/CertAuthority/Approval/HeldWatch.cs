using System.Threading.Channels;
using Overture.CertAuthority.Enrollment;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Serving;

namespace Overture.CertAuthority.Approval;

/// <summary>
/// Reviews held requests when the change feed names them (their registration has landed), and all of them every 30 s; drops the old.
/// </summary>
internal sealed class HeldWatch(HeldRequests held, ReviewHeld review, ChangeFeed feed, TimeProvider clock, ILogger<HeldWatch> log)
    : PeriodicWorker(TimeSpan.FromSeconds(30), clock)
{
    // The first message of the Conductor about a name.
    private const string Registered = InstanceEvents.Requested;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var named = feed.Listen(what => what == Registered);
        var begins = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void Begin() => begins.Writer.TryWrite(true);
        feed.Began += Begin;
        try
        {
            await Task.WhenAll(FollowFeed(named, stoppingToken), LookAt(begins.Reader, stoppingToken), base.ExecuteAsync(stoppingToken));
        }
        finally
        {
            feed.Began -= Begin;
        }
    }

    protected override bool AtStart => true;

    private async Task FollowFeed(ChangeFeed.Subscription named, CancellationToken stopping)
    {
        await foreach (var name in named.Names.ReadAllAsync(stopping))
            await Try($"the held request of {name}", () => Review(name, stopping));
    }

    // What was registered before the feed began was not named.
    private async Task LookAt(ChannelReader<bool> begins, CancellationToken stopping)
    {
        await foreach (var _ in begins.ReadAllAsync(stopping))
            await Try("held requests", () => Turn(stopping));
    }

    private async Task Review(CertName name, CancellationToken stopping)
    {
        if (await held.Find(name, stopping) is { } waiting)
            await review.Run(waiting, stopping);
    }

    protected override async Task Turn(CancellationToken cancel)
    {
        await held.Expire(cancel);
        foreach (var waiting in await held.All(cancel))
            await Try($"the held request of {waiting.Certname}", () => review.Run(waiting, cancel));
    }

    protected override bool IsExpected(Exception e) => e is not OperationCanceledException;

    protected override void Failed(Exception e) => Log.SweepFailed(log, "held requests", e.Message);

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
