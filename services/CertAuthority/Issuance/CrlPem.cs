using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.CertAuthority.Issuance;

/// <summary>Lists of revoked certificates as PEM text.</summary>
internal static class CrlPem
{
    private const string Label = "X509 CRL";

    public static string Write(byte[] der) => PemEncoding.WriteString(Label, der) + "\n";

    /// <summary>The DER of each list in the text, in order.</summary>
    public static IReadOnlyList<byte[]> Split(string pem)
    {
        var lists = new List<byte[]>();
        var rest = pem.AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            if (rest[fields.Label].SequenceEqual(Label))
                lists.Add(Convert.FromBase64String(rest[fields.Base64Data].ToString()));
            rest = rest[fields.Location.End..];
        }
        return lists;
    }

    public static bool IsSignedBy(byte[] crl, X509Certificate2 issuer)
    {
        var list = new AsnReader(crl, AsnEncodingRules.DER).ReadSequence();
        var signed = list.ReadEncodedValue();
        list.ReadEncodedValue();
        var signature = list.ReadBitString(out _);
        using var key = issuer.GetRSAPublicKey();
        return key is not null && key.VerifyData(signed.Span, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }
}
