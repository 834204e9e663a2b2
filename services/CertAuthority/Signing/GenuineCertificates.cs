using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Platform.Certificates;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Signing;

/// <summary>
/// Distinguishes certificates that this CA signed, under their own serial and name, from what another writer has put into the bucket. A
/// verified one is remembered by its hash, since each is asked for many times.
/// </summary>
internal sealed class GenuineCertificates(params IReadOnlyCollection<X509Certificate2> issuers)
{
    private readonly BoundedCache<(string Serial, string Hash), bool> verified = new(2_000);

    /// <returns>What is wrong, as the rest of a sentence that begins with the object; null: it is genuine.</returns>
    public string? Problem(CertificateRecord record, string serial)
    {
        var seen = Seen(record, serial);
        if (verified.TryGet(seen, out _))
            return null;
        if (Check(record, serial) is { } problem)
            return problem;
        verified.Add(seen, true);
        return null;
    }

    /// <summary>It was signed here, and looked at by <see cref="SignedDer.Check"/>, a moment ago.</summary>
    public void Remember(CertificateRecord record) => verified.Add(Seen(record, record.Serial), true);

    private static (string, string) Seen(CertificateRecord record, string serial) => (serial, Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{record.Serial} {record.Certname} {record.SpkiSha256} {record.Pem}"))));

    private string? Check(CertificateRecord record, string serial)
    {
        try
        {
            var pem = PemEncoding.Find(record.Pem);
            // Nothing before it, nothing behind it: a client may read more than the first block.
            if (record.Pem[pem.Label] != "CERTIFICATE" || record.Pem[pem.Location] != record.Pem.Trim())
                return "holds something else than one certificate";
            var der = Convert.FromBase64String(record.Pem[pem.Base64Data]);
            if (!issuers.Any(ca => SignatureScheme.IsSignedBy(der, ca)))
                return "holds a certificate that this CA has not signed";
            using var certificate = X509CertificateLoader.LoadCertificate(der);
            if (SerialNumber.Of(certificate).ToString() != serial || record.Serial != serial)
                return "holds the certificate of another serial";
            if (certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) != record.Certname)
                return "holds the certificate of another name";
            return SpkiHash.Of(certificate).Is(record.SpkiSha256)
                ? null
                : "holds the certificate of another key";
        }
        catch (Exception e) when (e is CryptographicException or FormatException or ArgumentException)
        {
            return "holds no certificate";
        }
    }
}
