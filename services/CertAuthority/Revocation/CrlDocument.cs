using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Issuance;

namespace Overture.CertAuthority.Revocation;

/// <summary>One list of revoked certificates: made, and read again as a stranger would.</summary>
/// <param name="NextUpdate">When it must be replaced; after that no agent takes it.</param>
internal sealed record CrlDocument(long Number, DateTimeOffset NextUpdate, IReadOnlySet<string> Serials)
{
    private const string CrlNumber = "2.5.29.20";

    /// <summary>DER, signed by the CA.</summary>
    public static byte[] Build(IEnumerable<RevocationRecord> revocations, long number, DateTimeOffset thisUpdate, DateTimeOffset nextUpdate, CaSigner signer)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var revoked in revocations.OrderBy(r => r.Serial, StringComparer.Ordinal))
            builder.AddEntry(Convert.FromHexString(revoked.Serial), revoked.At.ToDateTimeOffset(), (X509RevocationReason)revoked.ReasonCode);
        var authority = X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(signer.Ca.KeyId.Span);
        return builder.Build(signer.Ca.Issuer.SubjectName, signer.Generator(), number, nextUpdate, HashAlgorithmName.SHA256, authority, thisUpdate);
    }

    /// <exception cref="CryptographicException">It is not signed by this CA.</exception>
    public static CrlDocument Read(byte[] der, CaFiles ca) => Read(der, ca.Issuer);

    /// <exception cref="CryptographicException">It is not signed by this CA.</exception>
    public static CrlDocument Read(byte[] der, X509Certificate2 issuer)
    {
        if (!CrlPem.IsSignedBy(der, issuer))
            throw new CryptographicException("a list of revoked certificates is not signed by this CA");
        var list = new AsnReader(der, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        list.ReadInteger();
        list.ReadEncodedValue(); // algorithm
        list.ReadEncodedValue(); // issuer
        list.ReadEncodedValue(); // thisUpdate
        var nextUpdate = list.PeekTag() == Asn1Tag.UtcTime ? list.ReadUtcTime() : list.ReadGeneralizedTime();
        var serials = new HashSet<string>(StringComparer.Ordinal);
        // RFC 5280 §5.1: no empty list of entries, it is left out.
        if (list.PeekTag() == Asn1Tag.Sequence)
        {
            var entries = list.ReadSequence();
            while (entries.HasData)
                serials.Add(Convert.ToHexStringLower(entries.ReadSequence().ReadIntegerBytes().Span));
        }
        return new CrlDocument(ReadNumber(list), nextUpdate, serials);
    }

    private static long ReadNumber(AsnReader list)
    {
        var extensions = list.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)).ReadSequence();
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            if (extension.ReadObjectIdentifier() == CrlNumber)
                return (long)new AsnReader(extension.ReadOctetString(), AsnEncodingRules.DER).ReadInteger();
        }
        throw new CryptographicException("a list of revoked certificates has no number");
    }
}
