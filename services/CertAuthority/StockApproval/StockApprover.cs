using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading.Channels;
using Overture.CertAuthority.StockCa;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.StockApproval;

/// <summary>
/// Keeps puppetserver's own CA in step with what was launched and what ends: at a message on the change feed, and every few seconds by
/// itself. The descendant of check_csr.py, which cron ran every two minutes.
/// </summary>
internal sealed class StockApprover(
    ApproveWaiting approve, ConfirmSigned confirm, UnclaimedAtStock unclaimed, AutosignWatch autosign, ChangeFeed feed,
    CertAuthorityOptions options, TimeProvider clock, ILogger<StockApprover> log) : BackgroundService
{
    private static readonly TimeSpan ScanEvery = TimeSpan.FromSeconds(30);
    private readonly Channel<bool> bell =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly ConcurrentQueue<CertName> called = [];
    private long scanned;
    private volatile bool isScanDue;
    private int failures;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        void Hear(CertName name, string what)
        {
            // A registration, a claim that overture-autosign made, a second key, a revocation that found puppetserver away.
            if (what is not ("requested" or "csr-received" or "contested" or StockRevocation.Waits) || called.Count >= StockQueue.Most)
                return;
            called.Enqueue(name);
            bell.Writer.TryWrite(true);
        }
        // What came before the feed's place in the stream was not announced.
        void ScanSoon()
        {
            isScanDue = true;
            bell.Writer.TryWrite(true);
        }
        feed.Changed += Hear;
        feed.Began += ScanSoon;
        try
        {
            while (true)
            {
                await Round(stoppingToken);
                await Wait(stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
        finally
        {
            feed.Changed -= Hear;
            feed.Began -= ScanSoon;
        }
    }

    private async Task Wait(CancellationToken stopping)
    {
        var poll = options.StockCa.Poll;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var timer = Task.Delay(approve.Next is { } soon && soon < poll ? soon : poll, clock, limit.Token);
        await Task.WhenAny(timer, bell.Reader.WaitToReadAsync(limit.Token).AsTask());
        await limit.CancelAsync();
        stopping.ThrowIfCancellationRequested();
        bell.Reader.TryRead(out _);
    }

    private async Task Round(CancellationToken stopping)
    {
        try
        {
            // 1. What the store says, by message or by looking.
            await Listen(stopping);
            // 2. Sign what waits and may be signed.
            await approve.Run(stopping);
            // 3. See what was signed, by whomever; end there what has ended here.
            await confirm.Run(stopping);
            // 4. What it signed without a claim, which nothing here allowed.
            await unclaimed.Run(stopping);
            Back();
        }
        catch (FaultException e) when (e.Reason == Reason.StockCaUnavailable)
        {
            Away(e.Message);
        }
        catch (Exception e) when (e is FaultException or InvalidDataException or UnreadableObjectException or CryptographicException)
        {
            Log.SweepFailed(log, "puppetserver's own CA", e.Message);
        }
    }

    private async Task Listen(CancellationToken stopping)
    {
        while (called.TryPeek(out var name))
        {
            approve.Reopen(name);
            await confirm.Notice(name, stopping);
            called.TryDequeue(out _);
        }
        if (scanned != 0 && clock.GetElapsedTime(scanned) < ScanEvery && !isScanDue)
            return;
        (isScanDue, scanned) = (false, 0);
        await autosign.Run(stopping);
        await confirm.Scan(stopping);
        scanned = clock.GetTimestamp();
    }

    // One answer that fails is puppetserver listing a request that it is signing; two are an outage.
    private void Away(string cause)
    {
        if (++failures != 2)
            return;
        approve.Forget();
        StockLog.StockCaAway(log, cause);
    }

    private void Back()
    {
        if (failures >= 2)
            StockLog.StockCaBack(log);
        failures = 0;
    }
}
