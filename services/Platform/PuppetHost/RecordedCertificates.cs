using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Platform.PuppetHost;

/// <summary>
/// Whether the store has a record of a certificate that the Puppet CA signed. One without could not be named, explained or revoked: its
/// record was lost, or the CA's key signed elsewhere. Certificates never change, so what was found once is not asked for again.
/// </summary>
public sealed class RecordedCertificates(ObjectStore store)
{
    /// <summary><c>CertificateRecord.claim</c> of ca/unclaimed: moved in; used without a record.</summary>
    public const string Imported = "import", Seen = "seen";

    private readonly ConcurrentDictionary<string, bool> known = new(StringComparer.Ordinal);
    private volatile bool refuses;

    /// <summary>What <see cref="Lack"/> says where nothing is there.</summary>
    public const string Unknown = "no record has it";

    /// <param name="certificate">Signed by that CA, as the handshake has seen.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Null: its record is there. Else what is the matter, as the rest of a sentence about the certificate.</returns>
    /// <exception cref="Faults.FaultException">The store is away.</exception>
    /// <exception cref="UnreadableObjectException">Something is there that can't be read: nothing can be said.</exception>
    public async Task<string?> Lack(X509Certificate2 certificate, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var print = certificate.GetCertHashString(HashAlgorithmName.SHA256);
        if (known.ContainsKey(print))
            return null;
        if (await Look(certificate, $"{SerialNumber.Of(certificate)}", cancel) is { } lack)
            return lack;
        known.TryAdd(print, true);
        return null;
    }

    /// <summary>
    /// Whether that CA keeps its records here and wants those without one refused. Where its own record is gone: as it was last.
    /// </summary>
    /// <param name="keyId">The subject key identifier of the CA whose signature the handshake checked, lower-case hex.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<bool> RefusesUnrecorded(string keyId, CancellationToken cancel)
    {
        if (keyId.Length > 0 && await store.Get<Issuer>(ObjectKeys.Issuer(keyId), cancel) is { } issuer)
            refuses = issuer.RefuseUnrecorded;
        return refuses;
    }

    private async Task<string?> Look(X509Certificate2 certificate, string serial, CancellationToken cancel)
    {
        // 1. As it was released.
        var key = ObjectKeys.Certificate(serial);
        if (await store.Get<CertificateRecord>(key, cancel) is { } released)
            return IsThis(certificate, key, released) ? null : Replaced(key);
        // 2. Moved in: known by the inventory of then alone, or under a name that no certname may be.
        if (CertName.TryParse(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), out var name, out _))
            return await store.Get(ObjectKeys.Claim(name, $"import-{serial}"), cancel) is not null ? null : Unknown;
        key = ObjectKeys.UnclaimedCertificate(serial);
        if (await store.Get<CertificateRecord>(key, cancel) is not { Claim: Imported } other)
            return Unknown;
        return other.Pem.Length == 0 || IsThis(certificate, key, other) ? null : Replaced(key);
    }

    private static string Replaced(string key) =>
        $"the object {key}, which should hold it, holds another certificate: it was overwritten. Put the right one back from a copy of "
            + "the bucket";

    private bool IsThis(X509Certificate2 certificate, string key, CertificateRecord record)
    {
        try
        {
            using var released = X509Certificate2.CreateFromPem(record.Pem);
            return released.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw store.Unreadable(new UnreadableObjectException(key, "holds no certificate", e));
        }
    }
}
