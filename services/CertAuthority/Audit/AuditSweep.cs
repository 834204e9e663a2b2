using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Once a minute: writes the record of a release that never was, because its process died between storing the certificate and writing the
/// log. It is made from the claim, and says cert.recovered. The replica that claimed comes first; another waits longer, since that one
/// may only have a store that does not answer it. Two that write the same one do no harm. What the log says was released is spent here too.
/// </summary>
internal sealed class AuditSweep(ObjectStore store, ClaimStore claims, SpentNames spent, AuditLog audit, CertAuthorityOptions options,
    TimeProvider clock, ILogger<AuditSweep> log) : PeriodicWorker(TimeSpan.FromMinutes(1), clock)
{
    private static readonly TimeSpan OwnAge = TimeSpan.FromMinutes(1), OthersAge = TimeSpan.FromMinutes(10);
    private readonly RecordedActs acts = new() { OnRelease = r => Remember(r, spent) };
    private readonly HashSet<string> settled = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> read = new(StringComparer.Ordinal);

    protected override Task Turn(CancellationToken cancel) => Run(cancel);

    protected override void Failed(Exception e) => Log.SweepFailed(log, "the audit log", e.Message);

    public async Task Run(CancellationToken cancel)
    {
        // 1. Certificates not accounted for yet.
        var open = new List<string>();
        await foreach (var key in store.List(ObjectKeys.Certificates, null, cancel))
        {
            var serial = key[ObjectKeys.Certificates.Length..];
            if (!settled.Contains(serial))
                open.Add(serial);
        }
        // 2. What waits here goes out; if it can't, a record may just be late.
        if (open.Count == 0 || !await audit.Flushed(cancel))
            return;
        // 3. What the log says by now.
        await ReadOn(cancel);
        // 4. Write what is missing.
        foreach (var serial in open)
        {
            if (acts.HasRelease(serial) || await Recover(serial, cancel))
                settled.Add(serial);
        }
    }

    private async Task ReadOn(CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.AuditStreams, null, cancel))
        {
            var stream = key[..(key.LastIndexOf('/') + 1)];
            if (read.TryGetValue(stream, out var last) && string.CompareOrdinal(key, last) <= 0)
                continue;
            await Take(key, cancel);
            read[stream] = key;
        }
    }

    // Its claim may be gone since, or the state directory new.
    private static void Remember(AuditRecord release, SpentNames spent)
    {
        var byToken = release.Decision?.Reason is { } reason
            && (reason == Reason.TokenAccepted.Code() || reason == Reason.RegistryOnly.Code());
        if (CertName.TryParse(release.Certname, out var name, out _) && SerialNumber.TryRecorded(release.Serial, out _) && byToken)
            spent.Add(name.ToString(), ClaimStore.Launched, release.Serial);
    }

    private async Task Take(string key, CancellationToken cancel)
    {
        try
        {
            foreach (var text in (await store.Get<AuditBatch>(key, cancel))?.Records ?? [])
                acts.Take(text);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            Log.SweepFailed(log, key, e.Message);
        }
    }

    // True: there is nothing more to do about it.
    private async Task<bool> Recover(string serial, CancellationToken cancel)
    {
        try
        {
            if (await claims.Certificate(serial, cancel) is not { } certificate
                || await claims.Find(CertName.Parse(certificate.Certname), certificate.Claim, cancel) is not { } claim
                || claim.Issuer != Issuers.Own)
            {
                return true;
            }
            if (Clock.GetUtcNow() - certificate.SignedAt.ToDateTimeOffset() < (claim.Replica == options.Replica ? OwnAge : OthersAge))
                return false;
            Log.AuditRecovered(log, serial, claim.Certname);
            await audit.Write(
                AuditAction.Recovered, claim.Certname, Caller.Own("audit"), serial, claim.SpkiSha256, claim.Decision, cancel);
            return true;
        }
        catch (Exception e) when (e is not (OperationCanceledException or FaultException { Kind: FaultKind.Unavailable }))
        {
            // Damaged: for verification to report, not for us to repair.
            Log.SweepFailed(log, ObjectKeys.Certificate(serial), e.Message);
            return true;
        }
    }
}
