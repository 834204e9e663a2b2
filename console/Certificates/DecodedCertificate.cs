using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Console.Layout;
using Overture.Platform.Records;

namespace Overture.Console.Certificates;

/// <summary>A certificate as people read it.</summary>
internal static class DecodedCertificate
{
    /// <returns>One line that says so where it can't be read.</returns>
    public static IReadOnlyList<(string Name, string Value)> Of(string pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            return
            [
                ("Subject", certificate.Subject), ("Issuer", certificate.Issuer),
                ("Good from", $"{certificate.NotBefore.ToUniversalTime():yyyy-MM-dd HH:mm:ss} UTC"),
                ("Good until", $"{certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss} UTC"),
                ("Signature", certificate.SignatureAlgorithm.FriendlyName ?? ""),
                ("SHA-256", CaChain.Fingerprint(certificate)),
                .. certificate.Extensions.Select(e => (NameOf(e), Value(e))),
            ];
        }
        catch (CryptographicException)
        {
            return [("Certificate", "its record holds none that can be decoded")];
        }
    }

    private static string NameOf(X509Extension extension) => extension.Oid switch
    {
        { Value: "2.5.29.17" } => "Names",
        { Value: { } oid } when PuppetExtensions.NameOf(oid) is var name && name != oid => name,
        { FriendlyName: { Length: > 0 } known } => known,
        _ => extension.Oid?.Value ?? "",
    };

    // Puppet's are UTF8String (docs/puppet-contracts.md).
    private static string Value(X509Extension extension)
    {
        if (extension.Oid?.Value?.StartsWith("1.3.6.1.4.1.34380.", StringComparison.Ordinal) != true)
            return extension.Format(false);
        try
        {
            return AsnDecoder.ReadCharacterString(extension.RawData, AsnEncodingRules.DER, UniversalTagNumber.UTF8String, out _);
        }
        catch (AsnContentException)
        {
            return extension.Format(false);
        }
    }
}
