using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// ca/unclaimed: certificates of this CA without a claim. Few, as a rule none: moved in under a name that no certname may be, or
/// first heard of when a client used them. Written once, but for the mark that it was reported, so each is read once, and verified: what
/// else lies there is no record of ours.
/// </summary>
internal sealed class UnclaimedCertificates(ObjectStore store, CaSigner signer, DamagedObjects damaged, Ids ids, TimeProvider clock)
{
    private readonly GenuineCertificates genuine = new(signer.Ca.Issuer);
    private readonly ConcurrentDictionary<string, CertificateRecord> known = new(StringComparer.Ordinal);

    /// <summary>That of a serial, if there is one.</summary>
    /// <exception cref="UnreadableObjectException">What lies there is damaged, or no certificate of this CA.</exception>
    public async Task<CertificateRecord?> Find(string serial, CancellationToken cancel)
    {
        if (known.TryGetValue(serial, out var found))
            return found;
        var key = ObjectKeys.UnclaimedCertificate(serial);
        if (await store.Get<CertificateRecord>(key, cancel) is not { } record)
            return null;
        return await Problem(record, serial, cancel) is { } problem
            ? throw store.Unreadable(new UnreadableObjectException(key, problem))
            : known.GetOrAdd(serial, record);
    }

    /// <summary>Those of a common name, whatever it looks like; oldest first.</summary>
    public async Task<IReadOnlyList<CertificateRecord>> Of(string commonName, CancellationToken cancel) =>
        [.. (await All(cancel)).Where(c => c.Certname == commonName).OrderBy(c => c.SignedAt?.ToDateTimeOffset() ?? default)];

    public async Task<IReadOnlyList<CertificateRecord>> All(CancellationToken cancel)
    {
        var found = new List<CertificateRecord>();
        await foreach (var key in store.List(ObjectKeys.Unclaimed, null, cancel))
        {
            try
            {
                if (await Find(key[ObjectKeys.Unclaimed.Length..], cancel) is { } record)
                    found.Add(record);
            }
            catch (UnreadableObjectException e)
            {
                // It hides no other.
                await damaged.Report(e, "", cancel);
            }
        }
        return found;
    }

    // One that only an inventory knows has no text to verify: its serial must then be unused elsewhere, or revoking a name would end
    // another's certificate.
    private async Task<string?> Problem(CertificateRecord record, string serial, CancellationToken cancel)
    {
        if (record.NotAfter is null)
            return RecordRules.Lacks("notAfter");
        if (record.Pem.Length > 0)
            return genuine.Problem(record, serial);
        if (record.Serial != serial || !SerialNumber.IsRecorded(serial))
            return "is the record of another serial";
        return await store.Get(ObjectKeys.Certificate(serial), cancel) is null ? null : "names a certificate that has a record of its own";
    }

    /// <returns>True: it was not recorded before.</returns>
    public async Task<bool> Put(CertificateRecord record, CancellationToken cancel) =>
        await store.PutIfAbsent(ObjectKeys.UnclaimedCertificate(record.Serial), record, cancel) == PutOutcome.Stored;

    /// <summary>One that was used and has no record.</summary>
    public Task<bool> PutSeen(X509Certificate2 certificate, string peer, CancellationToken cancel) => Put(new CertificateRecord
    {
        Schema = 1,
        WriteId = ids.Unguessable(),
        Serial = $"{SerialNumber.Of(certificate)}",
        Certname = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false),
        Claim = RecordedCertificates.Seen,
        Pem = certificate.ExportCertificatePem() + "\n",
        SignedAt = clock.GetUtcNow().ToTimestamp(),
        NotAfter = new DateTimeOffset(certificate.NotAfter).ToTimestamp(),
        SpkiSha256 = $"{SpkiHash.Of(certificate)}",
        SeenFrom = peer,
    }, cancel);

    /// <summary>Those that were used without a record, and which are not marked as reported.</summary>
    public async Task<IReadOnlyList<CertificateRecord>> Unrecorded(CancellationToken cancel)
    {
        var found = new List<CertificateRecord>();
        foreach (var record in (await All(cancel)).Where(IsUntold))
        {
            // As it is now: another replica may have reported it.
            if (await store.Get<CertificateRecord>(ObjectKeys.UnclaimedCertificate(record.Serial), cancel) is not { } now
                || await Problem(now, record.Serial, cancel) is not null)
            {
                continue;
            }
            known[record.Serial] = now;
            if (IsUntold(now))
                found.Add(now);
        }
        return found;
    }

    /// <summary>It was reported. Another replica may have marked it first.</summary>
    public async Task PutTold(string serial, CancellationToken cancel)
    {
        var key = ObjectKeys.UnclaimedCertificate(serial);
        if (await store.Get(key, cancel) is not { } standing)
            return;
        var record = store.Read<CertificateRecord>(key, standing.Body).Clone();
        record.ToldAt = clock.GetUtcNow().ToTimestamp();
        await store.PutIfMatch(key, RecordJson.Write(record), standing.ETag, cancel);
    }

    private static bool IsUntold(CertificateRecord record) =>
        record is { Claim: RecordedCertificates.Seen, ToldAt: null, SignedAt: not null, Pem.Length: > 0 };
}
