using System.Formats.Asn1;
using System.Security.Cryptography;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Csr;

/// <summary>How a request is signed: proof that its sender holds the key.</summary>
internal sealed record CsrSignature(KeyKind Kind, HashAlgorithmName Hash)
{
    /// <summary>SHA-256, SHA-384 or SHA-512 with RSA PKCS#1 v1.5 (NULL parameters) or ECDSA (none).</summary>
    public static CsrSignature ReadAlgorithm(AsnReader algorithm)
    {
        CsrSignature? found = algorithm.ReadObjectIdentifier() switch
        {
            Oids.Sha256Rsa => new(KeyKind.Rsa, HashAlgorithmName.SHA256),
            Oids.Sha384Rsa => new(KeyKind.Rsa, HashAlgorithmName.SHA384),
            Oids.Sha512Rsa => new(KeyKind.Rsa, HashAlgorithmName.SHA512),
            Oids.Sha256Ecdsa => new(KeyKind.Ec, HashAlgorithmName.SHA256),
            Oids.Sha384Ecdsa => new(KeyKind.Ec, HashAlgorithmName.SHA384),
            Oids.Sha512Ecdsa => new(KeyKind.Ec, HashAlgorithmName.SHA512),
            _ => null,
        };
        if (found is null)
        {
            throw CsrFault.Of(
                Reason.CsrAlgorithm, "the request must be signed with SHA-256, SHA-384 or SHA-512, by RSA PKCS#1 v1.5 or ECDSA");
        }
        if (found.Kind == KeyKind.Rsa && algorithm.HasData && algorithm.PeekTag() == Asn1Tag.Null)
            algorithm.ReadNull();
        return algorithm.HasData ? throw CsrFault.Of(Reason.CsrAlgorithm, "the signature algorithm has parameters") : found;
    }

    /// <param name="key">The request's own key.</param>
    /// <param name="algorithm">Must fit the key.</param>
    /// <param name="signed">The CertificationRequestInfo, byte for byte as sent.</param>
    /// <param name="signature">Content of the BIT STRING.</param>
    public static void Verify(SubjectKey key, CsrSignature algorithm, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        if (key.Kind != algorithm.Kind)
            throw CsrFault.Of(Reason.CsrAlgorithm, "the signature algorithm is not one of the key's");
        if (!Holds(key, algorithm.Hash, signed, signature))
            throw CsrFault.Of(Reason.CsrSignature, "the request's signature is not by its own key");
    }

    private static bool Holds(SubjectKey key, HashAlgorithmName hash, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        try
        {
            if (key.Kind == KeyKind.Rsa)
            {
                using var rsa = RSA.Create();
                rsa.ImportSubjectPublicKeyInfo(key.Spki.Span, out _);
                return rsa.VerifyData(signed, signature, hash, RSASignaturePadding.Pkcs1);
            }
            using var ec = ECDsa.Create();
            ec.ImportSubjectPublicKeyInfo(key.Spki.Span, out _);
            return ec.VerifyData(signed, signature, hash, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
