using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Signing;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>A name's status as Puppet's tools read it (docs/puppet-contracts.md §1.4). Serials are integers of any size.</summary>
internal static class StatusJson
{
    private const string AuthorizationArc = "1.3.6.1.4.1.34380.1.3.";

    public static byte[] Write(KnownName name) => Json(writer => Write(writer, name));

    public static byte[] Write(IEnumerable<KnownName> names) => Json(writer =>
    {
        writer.WriteStartArray();
        foreach (var name in names)
            Write(writer, name);
        writer.WriteEndArray();
    });

    /// <summary>YYYY-MM-DDTHH:MM:SSUTC, with these very letters.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'UTC'", CultureInfo.InvariantCulture);

    public static byte[] Json(Action<Utf8JsonWriter> write)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
            write(writer);
        return bytes.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, KnownName name)
    {
        writer.WriteStartObject();
        writer.WriteString("name", name.Name);
        if (name.Certificate is { } record)
            WriteCertificate(writer, record, name.Revoked);
        else
            WriteRequest(writer, name.Held!);
        writer.WriteEndObject();
    }

    private static void WriteCertificate(Utf8JsonWriter writer, CertificateRecord record, bool revoked)
    {
        using var certificate = X509Certificate2.CreateFromPem(record.Pem);
        writer.WriteString("state", revoked ? "revoked" : "signed");
        WriteNames(writer, CertificateExtensionsReader.DnsNames(certificate), CertificateExtensionsReader.Addresses(certificate));
        writer.WriteStartObject("authorization_extensions");
        foreach (var (oid, value) in CertificateExtensionsReader.PuppetExtensions(certificate)
            .Where(e => e.Key.StartsWith(AuthorizationArc, StringComparison.Ordinal)))
        {
            writer.WriteString(PuppetExtensions.NameOf(oid), value);
        }
        writer.WriteEndObject();
        WriteFingerprints(writer, certificate.GetCertHashString(HashAlgorithmName.SHA1),
            certificate.GetCertHashString(HashAlgorithmName.SHA256), certificate.GetCertHashString(HashAlgorithmName.SHA512));
        writer.WritePropertyName("serial_number");
        writer.WriteRawValue(
            new BigInteger(certificate.SerialNumberBytes.Span, isUnsigned: true, isBigEndian: true).ToString(CultureInfo.InvariantCulture));
        writer.WriteString("not_before", Time(certificate.NotBefore.ToUniversalTime()));
        writer.WriteString("not_after", Time(certificate.NotAfter.ToUniversalTime()));
    }

    private static void WriteRequest(Utf8JsonWriter writer, HeldRequest held)
    {
        writer.WriteString("state", "requested");
        WriteNames(writer, held.RequestedDnsNames, []);
        writer.WriteStartObject("authorization_extensions");
        writer.WriteEndObject();
        WriteFingerprints(writer, held.FingerprintSha1, held.FingerprintSha256, held.FingerprintSha512);
    }

    private static void WriteNames(Utf8JsonWriter writer, IReadOnlyList<string> dns, IReadOnlyList<string> addresses)
    {
        writer.WriteStartArray("dns_alt_names");
        foreach (var name in dns)
            writer.WriteStringValue($"DNS:{name}");
        writer.WriteEndArray();
        writer.WriteStartArray("subject_alt_names");
        foreach (var name in addresses.Select(a => $"IP:{a}").Concat(dns.Select(d => $"DNS:{d}")))
            writer.WriteStringValue(name);
        writer.WriteEndArray();
    }

    private static void WriteFingerprints(Utf8JsonWriter writer, string sha1, string sha256, string sha512)
    {
        writer.WriteString("fingerprint", Colons(sha256));
        writer.WriteStartObject("fingerprints");
        writer.WriteString("SHA1", Colons(sha1));
        writer.WriteString("SHA256", Colons(sha256));
        writer.WriteString("SHA512", Colons(sha512));
        writer.WriteString("default", Colons(sha256));
        writer.WriteEndObject();
    }

    private static string Colons(string hex) => string.Join(':', hex.ToUpperInvariant().Chunk(2).Select(pair => new string(pair)));
}
