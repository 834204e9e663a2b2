using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Csr;

namespace Overture.CertAuthority.Issuance;

/// <summary>A certificate: what was to be signed, how, and the signature.</summary>
internal static class SignedDer
{
    public static void WriteAlgorithm(AsnWriter writer)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(Oids.Sha256Rsa);
            writer.WriteNull();
        }
    }

    public static byte[] Seal(ReadOnlySpan<byte> tbs, CaSigner signer)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(tbs);
            WriteAlgorithm(writer);
            writer.WriteBitString(signer.Sign(tbs));
        }
        return writer.Encode();
    }

    /// <summary>The product is what was decided, and is signed: looked at anew, as a stranger would.</summary>
    /// <exception cref="CryptographicException">It is not: a bug, or bad memory. Nothing may be released.</exception>
    public static void Check(byte[] certificate, ReadOnlySpan<byte> tbs, string certname, CaSigner signer)
    {
        var whole = new AsnReader(certificate, AsnEncodingRules.DER);
        var parts = whole.ReadSequence();
        whole.ThrowIfNotEmpty();
        var inside = parts.ReadEncodedValue();
        parts.ReadEncodedValue();
        var signature = parts.ReadBitString(out _);
        if (!inside.Span.SequenceEqual(tbs) || !signer.Verify(inside.Span, signature))
            throw new CryptographicException("a signed certificate is not what its claim says");
        using var parsed = X509CertificateLoader.LoadCertificate(certificate);
        var authority = parsed.Extensions.OfType<X509BasicConstraintsExtension>().Any(e => e.CertificateAuthority);
        if (authority || parsed.GetNameInfo(X509NameType.SimpleName, forIssuer: false) != certname)
            throw new CryptographicException("a signed certificate is a CA's, or another name's");
    }
}
