using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.CertAuthority.Csr;
using Overture.Records.V1;

namespace Overture.CertAuthority.Signing;

/// <summary>What a certificate carries beside its name: DNS names and Puppet's extensions.</summary>
internal static class CertificateExtensionsReader
{
    private const string PuppetArc = "1.3.6.1.4.1.34380.1.";

    /// <summary>In the certificate's order, its own name included.</summary>
    public static IReadOnlyList<string> DnsNames(X509Certificate2 certificate) => Names(certificate, e => e.EnumerateDnsNames());

    public static IReadOnlyList<string> Addresses(X509Certificate2 certificate) =>
        Names(certificate, e => e.EnumerateIPAddresses().Select(a => $"{a}"));

    /// <summary>
    /// Dotted OID to text; a value that is no text is left out. Old certificates hold the bare text where DER of a string belongs
    /// (PUP-3560).
    /// </summary>
    public static IReadOnlyDictionary<string, string> PuppetExtensions(X509Certificate2 certificate)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value is { } oid && oid.StartsWith(PuppetArc, StringComparison.Ordinal)
                && Text(extension.RawData) is { } text)
            {
                found.TryAdd(oid, text);
            }
        }
        return found;
    }

    /// <summary>Whether the certificate carries all that the grant names.</summary>
    public static bool Cover(X509Certificate2 certificate, Grant grant)
    {
        var (names, extensions) = (DnsNames(certificate), PuppetExtensions(certificate));
        return grant.DnsAltNames.All(names.Contains)
            && grant.Extensions.All(e => extensions.TryGetValue(e.Key, out var value) && value == e.Value);
    }

    // A list of names that another CA wrote may not even parse.
    private static IReadOnlyList<string> Names(
        X509Certificate2 certificate, Func<X509SubjectAlternativeNameExtension, IEnumerable<string>> of)
    {
        try
        {
            return [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(of)];
        }
        catch (CryptographicException)
        {
            return [];
        }
    }

    private static string? Text(byte[] value)
    {
        try
        {
            var reader = new AsnReader(value, AsnEncodingRules.DER);
            var text = reader.ReadCharacterString(
                reader.PeekTag() == Asn1Tag.Printable() ? UniversalTagNumber.PrintableString : UniversalTagNumber.UTF8String);
            return reader.HasData ? null : text;
        }
        catch (AsnContentException)
        {
            return value.All(b => b is >= 0x20 and < 0x7F) ? Encoding.ASCII.GetString(value) : null;
        }
    }
}
