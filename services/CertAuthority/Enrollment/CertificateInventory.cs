using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>
/// A name as `puppetserver ca` sees it: its newest certificate that is not cleaned away; the request that waits where there is none, or
/// only a revoked one. The CA API's own certificates are not to be seen.
/// </summary>
internal sealed record KnownName(string Name, CertificateRecord? Certificate, bool Revoked, HeldRequest? Held);

/// <summary>
/// What there is, by name or all of it; and cleaning, which takes a certificate out of sight without revoking it. A damaged object is
/// passed over in lists, and said once; the name it is of is an error when it is asked for.
/// </summary>
internal sealed class CertificateInventory(
    ObjectStore store, ClaimStore claims, UnclaimedCertificates unclaimed, HeldRequests held, RevocationStore revocations,
    DamagedObjects damaged,
    AuditLog audit, Ids ids, TimeProvider clock)
{
    // Certificates never change: each is read once.
    private readonly ConcurrentDictionary<string, CertificateRecord> seen = new(StringComparer.Ordinal);

    /// <returns>Null: nothing to see under this name.</returns>
    /// <exception cref="InvalidDataException">One of its certificates, which may be the newest, is damaged.</exception>
    public async Task<KnownName?> Find(CertName name, CancellationToken cancel)
    {
        CertificateRecord? newest = null;
        foreach (var certificate in await CertificatesOf(name, passDamaged: false, cancel))
        {
            if (!await IsCleaned(certificate.Serial, cancel) && (newest is null || IsNewer(certificate, newest)))
                newest = certificate;
        }
        var revoked = newest is not null && await IsRevoked(newest, cancel);
        if ((newest is null || revoked) && await held.Find(name, cancel) is { } waiting)
            return new KnownName($"{name}", null, false, waiting);
        if (newest is null)
            return await FindUnclaimed($"{name}", cancel);
        return RequestNames.IsOwn(name) ? null : new KnownName($"{name}", newest, revoked, null);
    }

    /// <summary>
    /// Whether there is anything under this name, and whether any of it is a certificate: also one that can't be read, which can still be
    /// revoked.
    /// </summary>
    public async Task<(bool Known, bool Certified)> Holds(CertName name, CancellationToken cancel)
    {
        try
        {
            return await Find(name, cancel) is { } known ? (true, known.Certificate is not null) : (false, false);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            await damaged.Report(e, $"{name}", cancel);
            return (true, true);
        }
    }

    /// <summary>The newest of a common name, whatever it looks like, without a claim and with a text to show.</summary>
    public async Task<KnownName?> FindUnclaimed(string commonName, CancellationToken cancel)
    {
        KnownName? newest = null;
        foreach (var certificate in (await unclaimed.Of(commonName, cancel)).Where(c => c.Pem.Length > 0))
        {
            if (!await IsCleaned(certificate.Serial, cancel))
                newest = new KnownName(commonName, certificate, await IsRevoked(certificate, cancel), null);
        }
        return newest;
    }

    /// <summary>Whether any certificate of this common name has no claim, shown or not.</summary>
    public async Task<bool> IsUnclaimed(string commonName, CancellationToken cancel) => (await unclaimed.Of(commonName, cancel)).Count > 0;

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
            if (!cleaned.Contains(serial) && await Read(serial, cancel) is { } certificate
                && !RequestNames.IsOwn(CertName.Parse(certificate.Certname))
                && (!newest.TryGetValue(certificate.Certname, out var other) || IsNewer(certificate, other)))
            {
                newest[certificate.Certname] = certificate;
            }
        }
        await revocations.All(cancel);
        var all = newest.ToDictionary(
            n => n.Key, n => new KnownName(n.Key, n.Value, IsKnownRevoked(n.Value), null), StringComparer.Ordinal);
        foreach (var waiting in await held.All(cancel))
        {
            if (!all.TryGetValue(waiting.Certname, out var known) || known.Revoked)
                all[waiting.Certname] = new KnownName(waiting.Certname, null, false, waiting);
        }
        foreach (var other in (await unclaimed.All(cancel)).Where(c => c.Pem.Length > 0 && !cleaned.Contains(c.Serial)))
            all.TryAdd(other.Certname, new KnownName(other.Certname, other, IsKnownRevoked(other), null));
        return [.. all.Values.OrderBy(n => n.Name, StringComparer.Ordinal)];
    }

    /// <summary>Every certificate ever released for a name, cleaned or not.</summary>
    public Task<IReadOnlyList<CertificateRecord>> CertificatesOf(CertName name, CancellationToken cancel) =>
        CertificatesOf(name, passDamaged: true, cancel);

    private async Task<IReadOnlyList<CertificateRecord>> CertificatesOf(CertName name, bool passDamaged, CancellationToken cancel)
    {
        var found = new List<CertificateRecord>();
        foreach (var claim in (await claims.Of(name, cancel)).Where(c => c.Serial.Length > 0))
        {
            try
            {
                if (await claims.Certificate(claim.Serial, cancel) is { } certificate)
                    found.Add(certificate);
            }
            catch (Exception e) when (passDamaged && e is (InvalidDataException or UnreadableObjectException))
            {
                await damaged.Report(e, $"{name}", cancel);
            }
        }
        return found;
    }

    public async Task<bool> IsCleaned(string serial, CancellationToken cancel) =>
        await store.Get(ObjectKeys.Cleaning(serial), cancel) is not null;

    /// <summary>Takes a name's certificates out of sight and drops its request; revokes nothing.</summary>
    /// <returns>False: there was nothing.</returns>
    public async Task<bool> Clean(CertName name, Caller by, CancellationToken cancel)
    {
        var any = await Drop(name, by, cancel);
        return await Clean([.. await CertificatesOf(name, cancel), .. await unclaimed.Of($"{name}", cancel)], by, cancel) || any;
    }

    /// <summary>The same of a common name that no certname may be.</summary>
    public async Task<bool> CleanUnclaimed(string commonName, Caller by, CancellationToken cancel) =>
        await Clean(await unclaimed.Of(commonName, cancel), by, cancel);

    private async Task<bool> Clean(IReadOnlyList<CertificateRecord> certificates, Caller by, CancellationToken cancel)
    {
        var any = false;
        foreach (var certificate in certificates)
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
            await audit.Write(
                AuditAction.Cleaned, certificate.Certname, by, certificate.Serial, certificate.SpkiSha256, cancel: cancel);
            any = true;
        }
        return any;
    }

    /// <summary>Drops the request that waits under a name, if one does.</summary>
    public async Task<bool> Drop(CertName name, Caller by, CancellationToken cancel)
    {
        if (await held.Find(name, cancel) is not { } waiting || !await held.Forget(name, cancel))
            return false;
        await audit.Write(AuditAction.RequestDropped, name.ToString(), by, spki: waiting.SpkiSha256, cancel: cancel);
        return true;
    }

    private async Task<CertificateRecord?> Read(string serial, CancellationToken cancel)
    {
        if (seen.TryGetValue(serial, out var known))
            return known;
        try
        {
            if (await claims.Certificate(serial, cancel) is not { } certificate || !CertName.TryParse(certificate.Certname, out _, out _))
                return null;
            return seen.GetOrAdd(serial, certificate);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            await damaged.Report(e, "", cancel);
            return null;
        }
    }

    private Task<bool> IsRevoked(CertificateRecord certificate, CancellationToken cancel) =>
        revocations.Contains(SerialNumber.Recorded(certificate.Serial), cancel);

    private bool IsKnownRevoked(CertificateRecord certificate) => revocations.IsKnown(SerialNumber.Recorded(certificate.Serial));

    private static bool IsNewer(CertificateRecord one, CertificateRecord other) =>
        one.SignedAt.ToDateTimeOffset() > other.SignedAt.ToDateTimeOffset();
}
