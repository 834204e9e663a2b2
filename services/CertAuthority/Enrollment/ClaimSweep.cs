using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>
/// Every 30 s: finishes claims whose certificate was never stored (their process died), and remembers those of other replicas.
/// </summary>
internal sealed class ClaimSweep(ObjectStore store, ClaimStore claims, IssueFromClaim issue, EnrollmentContextReader context,
    TimeProvider clock, ILogger<ClaimSweep> log) : PeriodicWorker(TimeSpan.FromSeconds(30), clock)
{
    private static readonly TimeSpan LeaveAlone = TimeSpan.FromSeconds(10);
    private readonly HashSet<string> settled = new(StringComparer.Ordinal);

    protected override bool AtStart => true;

    protected override async Task Turn(CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.Claims, null, cancel))
        {
            if (!settled.Contains(key) && (issue.Released(key) || await TrySettle(key, cancel)))
                settled.Add(key);
        }
    }

    protected override void Failed(Exception e) => Log.SweepFailed(log, "claims", e.Message);

    // One that is damaged must not keep the others from being finished.
    private async Task<bool> TrySettle(string key, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<Claim>(key, cancel) is not { } claim)
                return false;
            claims.Remember(claim);
            return await Settle(claim, cancel);
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
        // Another process may be at it right now.
        if (Clock.GetUtcNow() - claim.ClaimedAt.ToDateTimeOffset() < LeaveAlone)
            return false;
        var launch = (await context.Launch(CertName.Parse(claim.Certname), cancel)).Launch;
        await issue.Finish(claim, launch?.Traceparent, Caller.Own("sweep"), cancel);
        return true;
    }
}
