using System.Security.Cryptography;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.StockApproval;

/// <summary>
/// One look at the requests that wait at puppetserver; signs those that the policy allows. puppetserver asks its policy executable once in
/// a request's life, so whatever came before its registration, or while CertAuthority was down, is signed from here or never.
/// </summary>
internal sealed class ApproveWaiting(
    StockCaClient ca, EnrollCertificate enroll, ConfirmSigned confirm, ClaimStore claims, EnrollmentContextReader context,
    Timeline timeline,
    CertAuthorityOptions options, TimeProvider clock, ILogger<ApproveWaiting> log)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10), LeaveToClaimant = TimeSpan.FromSeconds(10),
        LeaveToReplica = TimeSpan.FromSeconds(20);
    private readonly StockQueue queue = new();

    /// <summary>When a request comes of age that is now left to overture-autosign; null: none.</summary>
    public TimeSpan? Next => queue.Youngest(clock.GetUtcNow());

    /// <summary>Something changed for this name.</summary>
    public void Reopen(CertName name) => queue.Reopen(name);

    /// <summary>puppetserver is away.</summary>
    public void Forget() => queue.Forget();

    public async Task Run(CancellationToken cancel)
    {
        // 1. What waits there; what has been registered since it was left alone.
        var waiting = await ca.Waiting(cancel);
        foreach (var name in queue.Unregistered)
        {
            if ((await context.Launch(name, cancel)).Registered)
                queue.Reopen(name);
        }
        // 2. One after the other: puppetserver has other things to do.
        foreach (var request in queue.Due(waiting, clock.GetUtcNow()))
            await TryApprove(request.Name, cancel);
    }

    private async Task TryApprove(CertName name, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Limit);
        try
        {
            await Approve(name, limit.Token);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException or CryptographicException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            // One that is damaged must not keep the others waiting.
            Log.SweepFailed(log, $"the request of {name} at puppetserver", e.Message);
            queue.Leave(name, registered: true, clock.GetUtcNow());
        }
    }

    private async Task Approve(CertName name, CancellationToken cancel)
    {
        // 1. A claim that is fresh is being signed by its maker: overture-autosign's puppetserver, or another replica.
        var standing = await claims.Find(name, ClaimStore.Launched, cancel);
        if (standing is not null && IsBeingSigned(standing, queue.Waited(name, clock.GetUtcNow())))
            return;
        // 2. The request as it is; null: signed or dropped a moment ago.
        if (await ca.Request(name, cancel) is not { } pem)
            return;
        // 3. The same act as overture-autosign's.
        var decision = await enroll.Authorize(new Submission(name.ToString(), pem, Caller.Own("stock-approver")), cancel);
        if (!decision.Signs())
        {
            queue.Leave(name, (await context.Launch(name, cancel)).Registered, clock.GetUtcNow());
            return;
        }
        if (standing is null && decision.Reason == Reason.SameKey.Code())
            return; // claimed by another party since step 1
        // 4. puppetserver signs, and is looked at.
        await Sign(name, cancel);
    }

    private async Task Sign(CertName name, CancellationToken cancel)
    {
        var signing = await ca.Sign(name, cancel);
        if (signing.Waits)
        {
            StockLog.StockCaDeclined(log, name, signing.Why);
            timeline.Add(
                AuditLog.Service, name, "stock-declined", $"puppetserver's own CA does not sign it: {signing.Why}", Reason.HeldForApproval);
            queue.Leave(name, registered: true, clock.GetUtcNow());
            return;
        }
        if (await claims.Find(name, ClaimStore.Launched, cancel) is { } claim)
            await confirm.Settle(claim, signedByUs: signing.Signed, cancel);
    }

    private bool IsBeingSigned(Records.V1.Claim claim, TimeSpan waited) =>
        clock.GetUtcNow() - claim.ClaimedAt.ToDateTimeOffset() < LeaveToClaimant
        || (claim.Replica != options.Replica && waited < LeaveToReplica);
}
