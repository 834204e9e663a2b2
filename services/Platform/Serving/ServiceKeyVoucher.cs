using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using Overture.Platform.Certificates;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Platform.Serving;

/// <summary>
/// A service's signature on a record of service-keys/, by its own key of the internal PKI: a writer of the bucket, who has none, bars no
/// key by it. The certificate comes along, since its key is another after each renewal. Pure.
/// </summary>
public static class ServiceKeyVoucher
{
    private static readonly Role[] Services = [Role.Conductor, Role.CertAuthority, Role.Classifier];

    // Of clocks among each other.
    private static readonly TimeSpan Slack = TimeSpan.FromMinutes(5);

    /// <param name="key">Whole but for the signature.</param>
    /// <param name="leaf">The service's certificate with its key, ECDSA or RSA.</param>
    public static void Sign(ServiceKey key, X509Certificate2 leaf)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(leaf);
        using var ec = leaf.GetECDsaPrivateKey();
        using var rsa = leaf.GetRSAPrivateKey();
        key.Certificate = ByteString.CopyFrom(leaf.RawDataMemory.Span);
        key.Signature = ByteString.CopyFrom(ec?.SignData(Text(key), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
            ?? rsa!.SignData(Text(key), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    /// <param name="key">As it was found.</param>
    /// <param name="spki">The hash that its key in the store names.</param>
    /// <param name="issuers">CAs of the internal PKI: roots, and what signed our own certificate.</param>
    /// <returns>What is wrong, as the rest of a sentence that begins with the object; null: a service wrote it.</returns>
    public static string? Problem(ServiceKey key, string spki, IEnumerable<X509Certificate2> issuers)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.SpkiSha256 != spki || key.At is null)
            return "is the record of another key, or damaged";
        try
        {
            using var signer = X509CertificateLoader.LoadCertificate(key.Certificate.Span);
            if (!issuers.Any(ca => SignatureScheme.IsClientOf(signer, ca)) || !PeerIdentity.Of(signer).Roles.Overlaps(Services))
                return "is not signed by a service of this installation";
            // The certificate may have ended since.
            var at = key.At.ToDateTime();
            if (at < signer.NotBefore.ToUniversalTime() - Slack || at > signer.NotAfter.ToUniversalTime() + Slack)
                return "is signed with a certificate that was not valid then";
            return Verifies(key, signer) ? null : "is not what was signed";
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or System.Formats.Asn1.AsnContentException)
        {
            return "is not signed by a service of this installation";
        }
    }

    private static bool Verifies(ServiceKey key, X509Certificate2 signer)
    {
        using var ec = signer.GetECDsaPublicKey();
        using var rsa = signer.GetRSAPublicKey();
        return ec?.VerifyData(Text(key), key.Signature.Span, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
            ?? rsa?.VerifyData(Text(key), key.Signature.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) ?? false;
    }

    private static byte[] Text(ServiceKey key) =>
        Encoding.UTF8.GetBytes($"overture-service-key-1\n{key.SpkiSha256}\n{key.Holder}\n{key.At.Seconds}");
}
