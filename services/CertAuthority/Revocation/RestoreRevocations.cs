using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// Writes back records of ca/revoked that were deleted while the CRL still holds their serials: the other services' listeners
/// go by the records. What this process has read before is written as it was; else it is made from the list. It stays a problem of
/// `overture audit verify`, since it was deleted. In a loop of its own: lists do not wait for it, however many records are gone.
/// </summary>
internal sealed class RestoreRevocations(
    ObjectStore store, RevocationStore revocations, ClaimStore claims, UnclaimedCertificates unclaimed, AuditLog audit, Ids ids,
    TimeProvider clock, ILogger<RestoreRevocations> log) : PeriodicWorker(TimeSpan.FromSeconds(1), clock)
{
    private const int AtOnce = 500, Together = 16;
    // Serials in the audit log's queue, so that a store that takes nothing for a while does not fill it.
    private readonly HashSet<string> reported = new(StringComparer.Ordinal);
    private const string Sentence = "on the CRL; its record was deleted, and was made again from the list";
    private static readonly Caller By = Caller.Own("crl");

    protected override void Failed(Exception e) => Log.SweepFailed(log, "revocations to write back", e.Message);

    // Audited before it is there, so that no kill leaves one that was written back and not reported.
    protected override async Task Turn(CancellationToken cancel)
    {
        var lost = revocations.Lost();
        if (lost.Count == 0)
            return;
        var imported = lost.Any(r => r.WriteId.Length == 0) ? await Imported(cancel) : null;
        var together = new ParallelOptions { MaxDegreeOfParallelism = Together, CancellationToken = cancel };
        foreach (var some in lost.Chunk(AtOnce))
        {
            var whole = new ConcurrentBag<RevocationRecord>();
            await Parallel.ForEachAsync(some, together, async (record, stop) =>
            {
                // Another replica may have been first.
                if (await store.Get<RevocationRecord>(ObjectKeys.Revocation(record.Serial), stop) is { } there)
                    revocations.Restored(there.Serial == record.Serial ? there : record); // a damaged one revokes as well
                else
                    whole.Add(record.WriteId.Length > 0 ? record : await Made(record, imported!, stop));
            });
            foreach (var record in whole.Where(r => reported.Add(r.Serial)))
                await Report(record, cancel);
            await audit.Ensure(cancel);
            await Parallel.ForEachAsync(whole, together, async (record, stop) =>
            {
                await store.PutIfAbsent(ObjectKeys.Revocation(record.Serial), record, stop);
                revocations.Restored(record);
            });
            reported.ExceptWith(whole.Select(r => r.Serial));
        }
    }

    private async Task Report(RevocationRecord record, CancellationToken cancel)
    {
        Log.RevocationRestored(log, ObjectKeys.Revocation(record.Serial), record.Certname);
        var alarm = DecisionOutcome.Alarm.Because(
            Reason.AuditBroken, "the record of a revocation was gone from the store, and is written back");
        await audit.Write(AuditAction.RevocationRestored.Record(record.Certname, By, record.Serial, decision: alarm)
            .Wrote(ObjectKeys.Revocation(record.Serial), record), cancel);
    }

    private async Task<RevocationRecord> Made(RevocationRecord listed, Dictionary<string, string> imported, CancellationToken cancel)
    {
        var made = listed.Clone();
        (made.Schema, made.WriteId, made.By, made.Sentence) = (1, ids.Unguessable(), By.Actor, Sentence);
        if (await Certificate(listed.Serial, cancel) is { } certificate)
            (made.Certname, made.CertificateNotAfter) = (certificate.Certname, certificate.NotAfter);
        else
            made.Certname = imported.GetValueOrDefault(listed.Serial, "");
        return made;
    }

    // Only what this CA signed says whose it was, and when it ends.
    private async Task<CertificateRecord?> Certificate(string serial, CancellationToken cancel)
    {
        try
        {
            return await claims.Certificate(serial, cancel)
                ?? (await unclaimed.Find(serial, cancel) is { Pem.Length: > 0 } other ? Exact(other) : null);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }

    private static CertificateRecord Exact(CertificateRecord record)
    {
        using var certificate = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(record.Pem);
        var exact = record.Clone();
        exact.NotAfter = new DateTimeOffset(certificate.NotAfter).ToTimestamp();
        return exact;
    }

    // Names of certificates that were moved in, by serial: their claims' keys say both.
    private async Task<Dictionary<string, string>> Imported(CancellationToken cancel)
    {
        const string import = "import-";
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        await foreach (var key in store.List(ObjectKeys.Claims, null, cancel))
        {
            if (key[ObjectKeys.Claims.Length..].Split('/') is [var name, var claim] && claim.StartsWith(import, StringComparison.Ordinal))
                found.TryAdd(claim[import.Length..], name);
        }
        return found;
    }
}
