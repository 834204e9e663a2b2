using System.Formats.Asn1;
using System.Security.Cryptography;
using Overture.CertAuthority.Csr;
using Overture.Records.V1;

namespace Overture.CertAuthority.Signing;

/// <summary>A certificate: what was to be signed, how, and the signature.</summary>
internal static class SignedDer
{
    public static byte[] Seal(ReadOnlySpan<byte> tbs, CaSigner signer)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER, tbs.Length + 640);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(tbs);
            writer.WriteEncodedValue(signer.Ca.Scheme.Identifier.Span);
            writer.WriteBitString(signer.Sign(tbs));
        }
        return writer.Encode();
    }

    /// <summary>
    /// The product is what was decided, and is signed: parsed again, as a third party would, by a reader that shares nothing with the
    /// writer.
    /// </summary>
    /// <exception cref="CryptographicException">It is not: a bug, or bad memory. Nothing may be released.</exception>
    public static void Check(byte[] certificate, Claim claim, CaSigner signer)
    {
        try
        {
            var whole = new AsnReader(certificate, AsnEncodingRules.DER);
            var parts = whole.ReadSequence();
            whole.ThrowIfNotEmpty();
            var inside = parts.ReadEncodedValue();
            var algorithm = parts.ReadEncodedValue().Span;
            var signature = parts.ReadBitString(out _);
            parts.ThrowIfNotEmpty();
            if (!inside.Span.SequenceEqual(claim.Tbs.Span) || !algorithm.SequenceEqual(signer.Ca.Scheme.Identifier.Span)
                || !signer.Verify(inside.Span, signature))
            {
                throw new CryptographicException("a signed certificate differs from its claim");
            }
            CheckContent(new AsnReader(inside, AsnEncodingRules.DER).ReadSequence(), claim, signer.Ca);
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException("a signed certificate can't be parsed", e);
        }
    }

    private static void CheckContent(AsnReader tbs, Claim claim, CaFiles ca)
    {
        tbs.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)); // version
        if (SerialNumber.Of(tbs.ReadIntegerBytes().Span).ToString() != claim.Serial)
            throw new CryptographicException("a signed certificate has another serial than its claim");
        var algorithm = tbs.ReadEncodedValue().Span;
        var issuer = tbs.ReadEncodedValue().Span;
        if (!algorithm.SequenceEqual(ca.Scheme.Identifier.Span) || !issuer.SequenceEqual(ca.Issuer.SubjectName.RawData))
            throw new CryptographicException("a signed certificate has another issuer");
        tbs.ReadSequence(); // validity
        if (ReadCommonName(tbs.ReadSequence()) != claim.Certname)
            throw new CryptographicException("a signed certificate has another subject");
        if (!SpkiHash.Of(tbs.ReadEncodedValue().Span).Is(claim.SpkiSha256))
            throw new CryptographicException("a signed certificate has another key than its claim");
        var extensions = tbs.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 3)).ReadSequence();
        tbs.ThrowIfNotEmpty();
        var leaf = false;
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            var oid = extension.ReadObjectIdentifier();
            // Critical, and an empty sequence: CA is FALSE unless it says otherwise.
            if (oid == Oids.BasicConstraints && leaf)
                throw new CryptographicException("a signed certificate has two basicConstraints");
            if (oid == Oids.BasicConstraints)
                leaf = extension.ReadBoolean() && extension.ReadOctetString().AsSpan().SequenceEqual(NoAuthority);
        }
        if (!leaf)
            throw new CryptographicException("a signed certificate is a CA certificate");
    }

    private static ReadOnlySpan<byte> NoAuthority => [0x30, 0x00];

    private static string ReadCommonName(AsnReader subject)
    {
        var name = subject.ReadSetOf().ReadSequence();
        subject.ThrowIfNotEmpty();
        return name.ReadObjectIdentifier() == Oids.CommonName ? name.ReadCharacterString(UniversalTagNumber.UTF8String) : "";
    }
}
