using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.Csr;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// Finds a request's challengePassword and nothing else: no key is looked at and no signature verified, which is what costs.
/// </summary>
internal static class ChallengeReader
{
    /// <summary>Lower-case hex SHA-256 of the challenge; null where there is none, or the body is no request.</summary>
    public static string? Sha256(ReadOnlySpan<byte> body)
    {
        try
        {
            var info = new AsnReader(CsrPem.Read(body), AsnEncodingRules.DER).ReadSequence().ReadSequence();
            info.ReadInteger();
            info.ReadEncodedValue();
            info.ReadEncodedValue();
            var attributes = info.ReadSetOf(new Asn1Tag(TagClass.ContextSpecific, 0));
            while (attributes.HasData)
            {
                var attribute = attributes.ReadSequence();
                if (attribute.ReadObjectIdentifier() == Oids.ChallengePassword)
                    return Hash(attribute.ReadSetOf());
            }
            return null;
        }
        catch (Exception e) when (e is FaultException or AsnContentException)
        {
            return null;
        }
    }

    private static string Hash(AsnReader values)
    {
        // One of the three string types of ASCII, or the exception of a wrong tag.
        var kind = (UniversalTagNumber)values.PeekTag().TagValue is var tag
            && tag is UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String
            ? tag : UniversalTagNumber.UTF8String;
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(values.ReadCharacterString(kind))));
    }
}
