using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>Every 30 s: finishes claims whose certificate was never stored (their process died).</summary>
internal sealed class ClaimSweep(ObjectStore store, FinishClaim finish, EvidenceReader evidence, TimeProvider clock, ILogger<ClaimSweep> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30), LeaveAlone = TimeSpan.FromSeconds(10);
    private readonly HashSet<string> settled = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        try
        {
            do
                await Sweep(stoppingToken);
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task Sweep(CancellationToken cancel)
    {
        try
        {
            await foreach (var key in store.List(ObjectKeys.Claims, null, cancel))
            {
                if (!settled.Contains(key) && (finish.Released(key) || await TrySettle(key, cancel)))
                    settled.Add(key);
            }
        }
        catch (FaultException e)
        {
            Log.SweepFailed(log, "claims", e.Message);
        }
    }

    // One that is damaged must not keep the others from being finished.
    private async Task<bool> TrySettle(string key, CancellationToken cancel)
    {
        try
        {
            return await store.Get<Claim>(key, cancel) is { } claim && await Settle(claim, cancel);
        }
        catch (Exception e) when (e is not (OperationCanceledException or FaultException { Kind: FaultKind.Unavailable }))
        {
            Log.SweepFailed(log, key, e.Message);
            return false;
        }
    }

    private async Task<bool> Settle(Claim claim, CancellationToken cancel)
    {
        if (claim.Issuer != Issuers.Own)
            return true;
        // Somebody may be at it right now.
        if (clock.GetUtcNow() - claim.ClaimedAt.ToDateTimeOffset() < LeaveAlone)
            return false;
        var launch = (await evidence.Launch(CertName.Parse(claim.Certname), cancel)).Launch;
        await finish.Run(claim, launch?.Traceparent, Caller.Own("sweep"), cancel);
        return true;
    }
}
