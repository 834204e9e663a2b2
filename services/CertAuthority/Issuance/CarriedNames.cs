using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.CertAuthority.Csr;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>What a certificate carries beside its name: DNS names and Puppet's extensions.</summary>
internal static class CarriedNames
{
    private const string PuppetArc = "1.3.6.1.4.1.34380.1.";

    /// <summary>In the certificate's order, its own name included.</summary>
    public static IReadOnlyList<string> DnsNames(X509Certificate2 certificate) =>
        [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateDnsNames())];

    public static IReadOnlyList<string> Addresses(X509Certificate2 certificate) =>
        [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateIPAddresses()).Select(a => $"{a}")];

    /// <summary>Dotted OID to text. Old certificates hold the bare text where DER of a string belongs (PUP-3560).</summary>
    public static IReadOnlyDictionary<string, string> PuppetExtensions(X509Certificate2 certificate) => certificate.Extensions
        .Where(e => e.Oid?.Value?.StartsWith(PuppetArc, StringComparison.Ordinal) == true)
        .GroupBy(e => e.Oid!.Value!, e => Text(e.RawData), StringComparer.Ordinal)
        .ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);

    /// <summary>Whether the certificate carries all that the grant names.</summary>
    public static bool Cover(X509Certificate2 certificate, Grant grant)
    {
        var (names, extensions) = (DnsNames(certificate), PuppetExtensions(certificate));
        return grant.DnsAltNames.All(names.Contains) && grant.Extensions.All(e => extensions.TryGetValue(e.Key, out var value) && value == e.Value);
    }

    private static string Text(byte[] value)
    {
        try
        {
            var reader = new AsnReader(value, AsnEncodingRules.DER);
            return reader.PeekTag() == Asn1Tag.Utf8String() ? reader.ReadCharacterString(UniversalTagNumber.UTF8String)
                : reader.PeekTag() == Asn1Tag.Printable() ? reader.ReadCharacterString(UniversalTagNumber.PrintableString)
                : Encoding.UTF8.GetString(value);
        }
        catch (AsnContentException)
        {
            return Encoding.UTF8.GetString(value);
        }
    }
}
