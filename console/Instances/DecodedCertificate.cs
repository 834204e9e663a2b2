using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Records;

namespace Overture.Console.Instances;

/// <summary>A certificate as people read it. Pure.</summary>
/// <param name="Key">"RSA 4096", "P-256".</param>
/// <param name="KeySha256">Of its public key, as `puppet ssl show` and the records have it: lower-case hex.</param>
/// <param name="Names">Its DNS names.</param>
/// <param name="Extensions">Puppet's, by short name or OID.</param>
public sealed record DecodedCertificate(string Key, string KeySha256, IReadOnlyList<string> Names,
    IReadOnlyList<(string Name, string Value)> Extensions)
{
    private const string PuppetArc = "1.3.6.1.4.1.34380.";

    /// <returns>Null: it is none that can be read.</returns>
    public static DecodedCertificate? Of(string pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            using var rsa = certificate.GetRSAPublicKey();
            using var ec = certificate.GetECDsaPublicKey();
            var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateDnsNames());
            var key = rsa is not null ? $"RSA {rsa.KeySize}" : ec is not null ? $"P-{ec.KeySize}" : certificate.PublicKey.Oid.FriendlyName;
            return new(key ?? "",
                Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())), [.. names],
                [.. certificate.Extensions.Where(e => e.Oid?.Value?.StartsWith(PuppetArc, StringComparison.Ordinal) == true)
                    .Select(e => (PuppetExtensions.NameOf(e.Oid!.Value!), Text(e.RawData)))]);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return null;
        }
    }

    private static string Text(byte[] value)
    {
        try
        {
            return new AsnReader(value, AsnEncodingRules.DER).ReadCharacterString(UniversalTagNumber.UTF8String);
        }
        catch (AsnContentException)
        {
            return Convert.ToHexStringLower(value);
        }
    }
}
