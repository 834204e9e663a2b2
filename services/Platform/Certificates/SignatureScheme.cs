using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Certificates;

/// <summary>
/// How a CA signs certificates and lists: RSA PKCS#1 v1.5 or ECDSA (as a DER sequence), with SHA-256, SHA-384 or SHA-512. Which one is
/// its own, the kind of its key says; a parent of it may have signed with another.
/// </summary>
public sealed record SignatureScheme
{
    private const string P256 = "1.2.840.10045.3.1.7", P384 = "1.3.132.0.34";

    private static readonly SignatureScheme[] All =
    [
        new("1.2.840.113549.1.1.11", true, HashAlgorithmName.SHA256),
        new("1.2.840.113549.1.1.12", true, HashAlgorithmName.SHA384),
        new("1.2.840.113549.1.1.13", true, HashAlgorithmName.SHA512),
        new("1.2.840.10045.4.3.2", false, HashAlgorithmName.SHA256),
        new("1.2.840.10045.4.3.3", false, HashAlgorithmName.SHA384),
        new("1.2.840.10045.4.3.4", false, HashAlgorithmName.SHA512),
    ];

    private readonly HashAlgorithmName hash;

    private SignatureScheme(string oid, bool isRsa, HashAlgorithmName hash)
    {
        (IsRsa, this.hash) = (isRsa, hash);
        // RFC 4055 §5 wants NULL parameters for RSA, RFC 5758 §3.2 none for ECDSA.
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            if (isRsa)
                writer.WriteNull();
        }
        Identifier = writer.Encode();
    }

    /// <summary>Else ECDSA.</summary>
    public bool IsRsa { get; }

    /// <summary>DER of the AlgorithmIdentifier.</summary>
    public ReadOnlyMemory<byte> Identifier { get; }

    /// <summary>What a CA with this certificate signs with; null where its key is neither RSA nor on P-256 or P-384.</summary>
    public static SignatureScheme? Of(X509Certificate2 ca)
    {
        ArgumentNullException.ThrowIfNull(ca);
        using var rsa = ca.GetRSAPublicKey();
        if (rsa is not null)
            return All[0];
        using var ec = ca.GetECDsaPublicKey();
        return ec?.ExportParameters(includePrivateParameters: false).Curve.Oid.Value switch
        {
            P256 => All[3],
            P384 => All[4],
            _ => null,
        };
    }

    /// <summary>By its AlgorithmIdentifier, compared as bytes; null for any other.</summary>
    public static SignatureScheme? Read(ReadOnlyMemory<byte> identifier) => Array.Find(All,
        s => s.Identifier.Span.SequenceEqual(identifier.Span));

    /// <param name="key">A key of this scheme's kind.</param>
    /// <param name="data">Hashed here.</param>
    public byte[] Sign(AsymmetricAlgorithm key, ReadOnlySpan<byte> data) =>
        IsRsa ? ((RSA)key).SignData(data, hash, RSASignaturePadding.Pkcs1) : ((ECDsa)key)
            .SignData(data, hash, DSASignatureFormat.Rfc3279DerSequence);

    /// <summary>False also where the key is of another kind.</summary>
    public bool Verify(AsymmetricAlgorithm key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) => key switch
    {
        RSA k => IsRsa && k.VerifyData(data, signature, hash, RSASignaturePadding.Pkcs1),
        ECDsa k => !IsRsa && k.VerifyData(data, signature, hash, DSASignatureFormat.Rfc3279DerSequence),
        _ => false,
    };

    /// <summary>
    /// Whether a certificate is a client of this very CA: signed by its key, and no CA itself. A chain to a common root is not enough.
    /// </summary>
    public static bool IsClientOf(X509Certificate2 certificate, X509Certificate2 ca)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return IsSignedBy(certificate.RawDataMemory, ca) && !certificate.Extensions.OfType<X509BasicConstraintsExtension>()
            .Any(c => c.CertificateAuthority);
    }

    /// <summary>
    /// Whether a signed structure (certificate or list: what is signed, how, the signature) is by this certificate's key.
    /// </summary>
    public static bool IsSignedBy(ReadOnlyMemory<byte> der, X509Certificate2 signer)
    {
        ArgumentNullException.ThrowIfNull(signer);
        try
        {
            var whole = new AsnReader(der, AsnEncodingRules.DER);
            var parts = whole.ReadSequence();
            whole.ThrowIfNotEmpty();
            var signed = parts.ReadEncodedValue();
            var scheme = Read(parts.ReadEncodedValue());
            var signature = parts.ReadBitString(out var unused);
            parts.ThrowIfNotEmpty();
            using var key = (AsymmetricAlgorithm?)signer.GetRSAPublicKey() ?? signer.GetECDsaPublicKey();
            return scheme is not null && key is not null && unused == 0 && scheme.Verify(key, signed.Span, signature);
        }
        catch (AsnContentException)
        {
            return false;
        }
    }
}
