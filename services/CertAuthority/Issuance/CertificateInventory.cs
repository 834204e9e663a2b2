using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>
/// A name as `puppetserver ca` sees it: its newest certificate that is not cleaned away; the request that waits where there is none, or only a
/// revoked one. The CA API's own certificates are not to be seen.
/// </summary>
internal sealed record KnownName(CertName Name, CertificateRecord? Certificate, bool Revoked, HeldRequest? Held);

/// <summary>What there is, by name or all of it; and cleaning, which takes a certificate out of sight without revoking it.</summary>
internal sealed class CertificateInventory(ObjectStore store, ClaimStore claims, HeldRequests held, RevocationStore revocations, AuditLog audit, Ids ids, TimeProvider clock)
{
    // Certificates never change: each is read once.
    private readonly ConcurrentDictionary<string, CertificateRecord> seen = new(StringComparer.Ordinal);

    /// <returns>Null: nothing to see under this name.</returns>
    public async Task<KnownName?> Find(CertName name, CancellationToken cancel)
    {
        CertificateRecord? newest = null;
        foreach (var certificate in await CertificatesOf(name, cancel))
        {
            if (!await IsCleaned(certificate.Serial, cancel) && (newest is null || IsNewer(certificate, newest)))
                newest = certificate;
        }
        var revoked = newest is not null && await revocations.Contains(newest.Serial, cancel);
        if ((newest is null || revoked) && await held.Find(name, cancel) is { } waiting)
            return new KnownName(name, null, false, waiting);
        return newest is null || RequestNames.IsOwn(name) ? null : new KnownName(name, newest, revoked, null);
    }

    /// <summary>Every name, in ordinal order.</summary>
    public async Task<IReadOnlyList<KnownName>> All(CancellationToken cancel)
    {
        var cleaned = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var key in store.List(ObjectKeys.Cleanings, null, cancel))
            cleaned.Add(key[ObjectKeys.Cleanings.Length..]);
        var newest = new SortedDictionary<string, CertificateRecord>(StringComparer.Ordinal);
        await foreach (var key in store.List(ObjectKeys.Certificates, null, cancel))
        {
            var serial = key[ObjectKeys.Certificates.Length..];
            if (!cleaned.Contains(serial) && await Read(serial, cancel) is { } certificate && !RequestNames.IsOwn(CertName.Parse(certificate.Certname))
                && (!newest.TryGetValue(certificate.Certname, out var other) || IsNewer(certificate, other)))
            {
                newest[certificate.Certname] = certificate;
            }
        }
        await revocations.All(cancel);
        var all = newest.ToDictionary(n => n.Key, n => new KnownName(CertName.Parse(n.Key), n.Value, revocations.IsKnown(n.Value.Serial), null), StringComparer.Ordinal);
        foreach (var waiting in await held.All(cancel))
        {
            if (!all.TryGetValue(waiting.Certname, out var known) || known.Revoked)
                all[waiting.Certname] = new KnownName(CertName.Parse(waiting.Certname), null, false, waiting);
        }
        return [.. all.Values.OrderBy(n => n.Name.ToString(), StringComparer.Ordinal)];
    }

    /// <summary>Every certificate ever released for a name, cleaned or not.</summary>
    public async Task<IReadOnlyList<CertificateRecord>> CertificatesOf(CertName name, CancellationToken cancel)
    {
        var found = new List<CertificateRecord>();
        foreach (var claim in (await claims.Of(name, cancel)).Where(c => c.Serial.Length > 0))
        {
            if (await claims.Certificate(claim.Serial, cancel) is { } certificate)
                found.Add(certificate);
        }
        return found;
    }

    public async Task<bool> IsCleaned(string serial, CancellationToken cancel) => await store.Get(ObjectKeys.Cleaning(serial), cancel) is not null;

    /// <summary>Takes a name's certificates out of sight and drops its request; revokes nothing.</summary>
    /// <returns>False: there was nothing.</returns>
    public async Task<bool> Clean(CertName name, Caller by, CancellationToken cancel)
    {
        var any = await Drop(name, by, cancel);
        foreach (var certificate in await CertificatesOf(name, cancel))
        {
            var cleaning = new Cleaning
            {
                Schema = 1,
                WriteId = ids.Unguessable(),
                Serial = certificate.Serial,
                Certname = certificate.Certname,
                By = by.Actor,
                At = clock.GetUtcNow().ToTimestamp(),
            };
            if (await store.PutIfAbsent(ObjectKeys.Cleaning(certificate.Serial), cleaning, cancel) != PutOutcome.Stored)
                continue;
            await audit.Write("cert.cleaned", "allow", certificate.Certname, by, certificate.Serial, certificate.SpkiSha256, cancel: cancel);
            any = true;
        }
        return any;
    }

    /// <summary>Drops the request that waits under a name, if one does.</summary>
    public async Task<bool> Drop(CertName name, Caller by, CancellationToken cancel)
    {
        if (await held.Find(name, cancel) is not { } waiting || !await held.Forget(name, cancel))
            return false;
        await audit.Write("csr.dropped", "deny", name.ToString(), by, spki: waiting.SpkiSha256, cancel: cancel);
        return true;
    }

    private async Task<CertificateRecord?> Read(string serial, CancellationToken cancel)
    {
        if (seen.TryGetValue(serial, out var known))
            return known;
        if (await claims.Certificate(serial, cancel) is not { } certificate || !CertName.TryParse(certificate.Certname, out _, out _))
            return null;
        return seen.GetOrAdd(serial, certificate);
    }

    private static bool IsNewer(CertificateRecord one, CertificateRecord other) => one.SignedAt.ToDateTimeOffset() > other.SignedAt.ToDateTimeOffset();
}
