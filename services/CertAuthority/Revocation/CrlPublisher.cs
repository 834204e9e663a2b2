using System.Threading.Channels;
using Overture.CertAuthority.Signing;
using Overture.Platform.Faults;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// Publishes on request, at start, and before the list gets old; at most once a second, so that a thousand revocations make a few
/// lists. Also looks what other replicas published.
/// </summary>
internal sealed class CrlPublisher(PublishCrl publish, CertAuthorityOptions options, TimeProvider clock,
    ILogger<CrlPublisher> log) : BackgroundService
{
    private static readonly TimeSpan AtMostEvery = TimeSpan.FromSeconds(1), LookEvery = TimeSpan.FromSeconds(2);
    private readonly Channel<TaskCompletionSource<CrlRecord>> waiting = Channel.CreateUnbounded<TaskCompletionSource<CrlRecord>>();
    private long published;

    /// <summary>The list as agents get it; null only before the first.</summary>
    public CrlRecord? Current { get; private set; }

    /// <exception cref="FaultException">STORE_UNAVAILABLE: there is none yet.</exception>
    public CrlRecord Demand() =>
        Current ?? throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "there is no CRL yet; try again");

    /// <summary>A list that holds every revocation stored before this call.</summary>
    public async Task<CrlRecord> Publish(CancellationToken cancel)
    {
        var done = new TaskCompletionSource<CrlRecord>(TaskCreationOptions.RunContinuationsAsynchronously);
        waiting.Writer.TryWrite(done);
        return await done.Task.WaitAsync(cancel);
    }

    /// <summary>The same, without waiting.</summary>
    public void Request() => waiting.Writer.TryWrite(new TaskCompletionSource<CrlRecord>());

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await Try(always: true, [], cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                var asked = await Asked(stoppingToken);
                if (asked)
                    await Rest(stoppingToken);
                await Try(always: Current is null || Due(), Drain(), stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            foreach (var waiter in Drain())
                waiter.TrySetCanceled(stoppingToken);
        }
    }

    private bool Due()
    {
        var age = clock.GetUtcNow() - CrlDocument.MadeAt(Current!);
        // Made while this clock was ahead: agents would not take it for as long as it was.
        return age >= options.Crl.Refresh || age < TimeSpan.FromMinutes(-1);
    }

    private async Task<bool> Asked(CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(LookEvery);
        try
        {
            return await waiting.Reader.WaitToReadAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task Rest(CancellationToken stopping)
    {
        var left = AtMostEvery - clock.GetElapsedTime(published);
        if (published != 0 && left > TimeSpan.Zero)
            await Task.Delay(left, clock, stopping);
    }

    private List<TaskCompletionSource<CrlRecord>> Drain()
    {
        var drained = new List<TaskCompletionSource<CrlRecord>>();
        while (waiting.Reader.TryRead(out var waiter))
            drained.Add(waiter);
        return drained;
    }

    private async Task Try(bool always, List<TaskCompletionSource<CrlRecord>> waiters, CancellationToken stopping)
    {
        try
        {
            var before = Current?.Number;
            Current = await publish.Run(always, stopping);
            if (Current.Number != before)
            {
                published = clock.GetTimestamp();
                Log.CrlCurrent(log, Current.Number, Current.Entries);
            }
            waiters.ForEach(w => w.TrySetResult(Current));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.CrlFailed(log, e);
            waiters.ForEach(w => w.TrySetException(e));
        }
    }
}
