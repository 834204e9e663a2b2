using System.Formats.Asn1;
using System.Security.Cryptography;

namespace Overture.CertAuthority.Csr;

/// <summary>
/// A request as it may be kept and shown: without its secret attribute, so that its signature does not verify any more. The fingerprints
/// are those of the request as it came, which the agent's user sees too.
/// </summary>
internal sealed record RedactedCsr(byte[] Der, string Sha1, string Sha256, string Sha512)
{
    private static readonly Asn1Tag Attributes = new(TagClass.ContextSpecific, 0);

    public string Pem => PemEncoding.WriteString("CERTIFICATE REQUEST", Der) + "\n";

    /// <param name="der">A request that <see cref="CsrReader"/> has read without a fault.</param>
    public static RedactedCsr Of(ReadOnlyMemory<byte> der)
    {
        var request = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
        var info = request.ReadSequence();
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                // version, subject, key
                for (var part = 0; part < 3; part++)
                    writer.WriteEncodedValue(info.ReadEncodedValue().Span);
                if (info.HasData)
                    CopyHarmless(info.ReadSetOf(Attributes), writer);
            }
            writer.WriteEncodedValue(request.ReadEncodedValue().Span);
            writer.WriteEncodedValue(request.ReadEncodedValue().Span);
        }
        return new RedactedCsr(writer.Encode(), Hex(CryptographicOperations.HashData(HashAlgorithmName.SHA1, der.Span)),
            Hex(SHA256.HashData(der.Span)), Hex(SHA512.HashData(der.Span)));
    }

    private static void CopyHarmless(AsnReader attributes, AsnWriter writer)
    {
        using (writer.PushSetOf(Attributes))
        {
            while (attributes.HasData)
            {
                var attribute = attributes.ReadEncodedValue();
                if (new AsnReader(attribute, AsnEncodingRules.DER).ReadSequence().ReadObjectIdentifier() != Oids.ChallengePassword)
                    writer.WriteEncodedValue(attribute.Span);
            }
        }
    }

    private static string Hex(byte[] hash) => Convert.ToHexStringLower(hash);
}
