using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Import;

/// <summary>
/// What an imported certificate may carry when it is renewed: the DNS names and the registered and private extensions it carries now, since
/// a person (or a policy) of the old CA let them in. Never the authorization arc: pp_cli_auth is root on the CA API.
/// </summary>
internal static class ImportedGrant
{
    public const string Source = "import";

    public static Grant Of(ImportedCertificate imported)
    {
        var certificate = imported.Certificate;
        var grant = new Grant { Source = Source, LifeSeconds = (long)(certificate.NotAfter - certificate.NotBefore).TotalSeconds };
        grant.DnsAltNames.Add(Names(certificate).Where(n => n != imported.Name).Distinct(StringComparer.Ordinal));
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value is { } oid && PuppetExtensions.OidOf(oid) is not null && Text(extension.RawData) is { } text)
                grant.Extensions[oid] = text;
        }
        return grant;
    }

    private static string[] Names(X509Certificate2 certificate)
    {
        try
        {
            return [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateDnsNames())];
        }
        catch (CryptographicException)
        {
            return [];
        }
    }

    // A UTF8String; old agents wrote the bare text (PUP-3560).
    private static string? Text(byte[] value)
    {
        try
        {
            var reader = new AsnReader(value, AsnEncodingRules.DER);
            var text = reader.ReadCharacterString(UniversalTagNumber.UTF8String);
            return reader.HasData ? null : text;
        }
        catch (AsnContentException)
        {
            return value.All(b => b is >= 0x20 and < 0x7F) ? Encoding.ASCII.GetString(value) : null;
        }
    }
}
