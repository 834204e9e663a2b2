using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Records.V1;

namespace Overture.CertAuthority.Signing;

/// <summary>One CRL: made, and read again as a third party would.</summary>
/// <param name="NextUpdate">When it must be replaced; after that no agent takes it. Of an imported one that has no end: at once.</param>
internal sealed record CrlDocument(long Number, DateTimeOffset NextUpdate, IReadOnlyDictionary<SerialNumber, RevokedEntry> Entries)
{
    public IReadOnlySet<SerialNumber> Serials { get; } = Entries.Keys.ToHashSet();

    /// <summary>DER, signed by the CA.</summary>
    public static byte[] Build(
        IEnumerable<RevocationRecord> revocations, long number, DateTimeOffset thisUpdate, DateTimeOffset nextUpdate, CaSigner signer)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var revoked in revocations.OrderBy(r => r.Serial, StringComparer.Ordinal))
            builder.AddEntry(SerialNumber.Recorded(revoked.Serial).ToBytes(), revoked.At.ToDateTimeOffset(), Reason(revoked.ReasonCode));
        var authority = X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(signer.Ca.KeyId.Span);
        return builder.Build(
            signer.Ca.Issuer.SubjectName, signer.Generator(), number, nextUpdate, HashAlgorithmName.SHA256, authority, thisUpdate);
    }

    /// <exception cref="CryptographicException">It is not signed by this CA, or has no number.</exception>
    public static CrlDocument Read(byte[] der, CaFiles ca) => Read(der, ca.Issuer);

    /// <exception cref="CryptographicException">As above.</exception>
    public static CrlDocument Read(byte[] der, X509Certificate2 issuer)
    {
        if (!SignatureScheme.IsSignedBy(der, issuer))
            throw new CryptographicException("a CRL is not signed by this CA");
        var facts = CrlFacts.Read(der);
        return new CrlDocument(
            facts.Number ?? throw new CryptographicException("a CRL has no number"),
            facts.NextUpdate ?? facts.ThisUpdate,
            facts.Entries.DistinctBy(e => e.Serial).ToDictionary(e => e.Serial));
    }

    /// <returns>Null: the record is no list of this CA under its own number.</returns>
    public static CrlDocument? Of(CrlRecord record, CaFiles ca)
    {
        try
        {
            return record is { ThisUpdate: not null, NextUpdate: not null } && CrlPem.Split(record.Pem) is [var own, ..]
                && Read(own, ca) is var read && read.Number == record.Number ? read : null;
        }
        catch (Exception e) when (e is CryptographicException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>When a list was made. Its thisUpdate is earlier.</summary>
    public static DateTimeOffset MadeAt(CrlRecord record) => (record.MadeAt ?? record.ThisUpdate).ToDateTimeOffset();

    // RFC 5280 §5.3.1: "unspecified" is said by leaving the reason out; 7 is none, 8 belongs to delta lists, 10 the framework does not
    // write. An imported list may hold any; what matters is that the serial stays on ours.
    private static X509RevocationReason? Reason(int code) => code is (>= 1 and <= 6) or 9 ? (X509RevocationReason)code : null;
}
