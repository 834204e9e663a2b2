using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.StockApproval;

/// <summary>
/// Certificates that puppetserver's own CA signed without a claim: by hand, by a list of names, or because it read the hook as
/// one. Each is reported once, by the replica that sees it first. What it had signed before the first look is reported together (<see
/// cref="FirstLook"/>).
/// </summary>
internal sealed class UnclaimedAtStock(
    StockCaClient ca, StockCertificates certificates, ClaimStore claims, ConfirmSigned confirm, FirstLook firstLook,
    EnrollmentContextReader context, ObjectStore store, AuditLog audit, Timeline timeline,
    Ids ids, TimeProvider clock, ILogger<UnclaimedAtStock> log)
{
    // puppetserver reads a file for each certificate: no more than a twentieth of its time goes into it.
    private const int Share = 20;
    private const string Sentence = "puppetserver's own CA signed a certificate without a claim";
    private static readonly Caller By = Caller.Own("stock-approver");
    // Fingerprints: of what needs no look any more; of strangers that are in the audit log's queue and not written down yet.
    private readonly HashSet<string> settled = new(StringComparer.Ordinal), reported = new(StringComparer.Ordinal);
    private HashSet<string>? baseline;
    private TimeSpan took;
    private long looked;

    public async Task Run(CancellationToken cancel)
    {
        if (looked != 0 && clock.GetElapsedTime(looked) < took * Share)
            return;
        // 1. What it has signed. What was looked at before is not looked at again, what is gone is forgotten.
        var began = clock.GetTimestamp();
        var signed = await ca.Signed(cancel);
        (took, looked) = (clock.GetElapsedTime(began), clock.GetTimestamp());
        settled.IntersectWith(signed.Select(s => s.Fingerprint));
        // 2. Which of it has no claim.
        var unclaimed = new List<StockSigned>();
        foreach (var certificate in signed.Where(s => !settled.Contains(s.Fingerprint) && baseline?.Contains(s.Fingerprint) != true))
        {
            if (await TryClaimed(certificate, cancel))
                settled.Add(certificate.Fingerprint);
            else
                unclaimed.Add(certificate);
        }
        // 3. The first look ever says what was there.
        baseline ??= await firstLook.Baseline(unclaimed, cancel);
        // 4. All others are reported, and only then written down, so that no kill loses a report; it may come twice.
        var strangers = unclaimed.Where(s => !baseline.Contains(s.Fingerprint)).ToList();
        var fresh = new List<StockSigned>();
        foreach (var stranger in strangers)
        {
            if (await store.Get(ObjectKeys.StockUnclaimed(stranger.Fingerprint), cancel) is not null)
                continue;
            if (reported.Add(stranger.Fingerprint))
                await Report(stranger, cancel);
            fresh.Add(stranger);
        }
        if (fresh.Count > 0)
            await audit.Ensure(cancel);
        foreach (var stranger in fresh)
            await WriteDown(stranger, cancel);
        reported.Clear();
        settled.UnionWith(strangers.Select(s => s.Fingerprint));
    }

    // A record that is damaged must not hide the others, nor make a stranger one of ours.
    private async Task<bool> TryClaimed(StockSigned signed, CancellationToken cancel)
    {
        try
        {
            return await IsClaimed(signed, cancel);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException or CryptographicException or ArgumentException)
        {
            Log.SweepFailed(log, $"the certificate of {PrintableText.Of(signed.Name)} at puppetserver", e.Message);
            return false;
        }
    }

    private async Task<bool> IsClaimed(StockSigned signed, CancellationToken cancel)
    {
        if (!CertName.TryParse(signed.Name, out var name, out _))
            return false;
        if (await IsWrittenDown(name, signed, cancel))
            return true;
        if (await claims.Find(name, ClaimStore.Launched, cancel) is not { Issuer: Issuers.Stock } claim)
            return false;
        // Signed a moment ago: the claim came first. A certificate of another key under it has an alarm of its own.
        await confirm.Settle(claim, signedByUs: false, cancel);
        return await IsWrittenDown(name, signed, cancel) || await certificates.Find(name, cancel) is null;
    }

    private async Task<bool> IsWrittenDown(CertName name, StockSigned signed, CancellationToken cancel)
    {
        if (await certificates.Find(name, cancel) is not { } record)
            return false;
        using var certificate = X509Certificate2.CreateFromPem(record.Pem);
        return Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span)) == signed.Fingerprint;
    }

    private async Task Report(StockSigned stranger, CancellationToken cancel)
    {
        var printable = PrintableText.Of(stranger.Name);
        StockLog.StockUnclaimed(log, stranger.Serial, printable, stranger.Fingerprint);
        AlarmMetrics.Count(AlarmKind.StockUnclaimed);
        var decision = DecisionOutcome.Alarm.Because(
            Reason.StockUnclaimed, $"{Sentence} (SHA-256 {stranger.Fingerprint}, for '{printable}')");
        var certname = CertName.TryParse(stranger.Name, out _, out _) ? stranger.Name : "";
        await audit.Write(AuditAction.StockUnclaimed, certname, By, stranger.Serial, decision: decision, cancel: cancel);
    }

    private async Task WriteDown(StockSigned stranger, CancellationToken cancel)
    {
        var key = ObjectKeys.StockUnclaimed(stranger.Fingerprint);
        await store.PutIfAbsent(key, new StockUnclaimed
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Fingerprint = stranger.Fingerprint,
            Certname = stranger.Name,
            Serial = stranger.Serial,
            At = clock.GetUtcNow().ToTimestamp(),
        }, cancel);
        if (CertName.TryParse(stranger.Name, out var name, out _) && (await context.Launch(name, cancel)).Registered)
        {
            timeline.Add(AuditLog.Service, name, "stock-unclaimed", $"{Sentence} (serial {stranger.Serial})", Reason.StockUnclaimed, key);
        }
    }
}
