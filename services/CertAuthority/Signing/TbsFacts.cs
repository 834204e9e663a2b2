using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Csr;

namespace Overture.CertAuthority.Signing;

/// <summary>What lists show of a certificate beside its record. Pure.</summary>
/// <param name="NotBefore">Begin of its time.</param>
/// <param name="KeyAlgorithm">Of its key, for people: "RSA 2048", "P-256"; a dotted OID where it is another.</param>
internal readonly record struct TbsFacts(DateTimeOffset NotBefore, string KeyAlgorithm)
{
    /// <param name="tbs">DER of the TBSCertificate (RFC 5280 §4.1.2).</param>
    /// <returns>Null: it is none.</returns>
    public static TbsFacts? Read(ReadOnlyMemory<byte> tbs)
    {
        try
        {
            var fields = new AsnReader(tbs, AsnEncodingRules.DER).ReadSequence();
            fields.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)); // version
            fields.ReadIntegerBytes(); // serial
            fields.ReadSequence(); // signature
            fields.ReadSequence(); // issuer
            var validity = fields.ReadSequence();
            fields.ReadSequence(); // subject
            return new TbsFacts(ReadTime(validity), ReadKey(fields.ReadSequence()));
        }
        catch (Exception e) when (e is AsnContentException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Of a whole certificate; null: it is none.</summary>
    public static TbsFacts? OfPem(string pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            return Read(new AsnReader(certificate.RawDataMemory, AsnEncodingRules.DER).ReadSequence().ReadEncodedValue());
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            return null;
        }
    }

    private static DateTimeOffset ReadTime(AsnReader validity) =>
        validity.PeekTag() == Asn1Tag.UtcTime ? validity.ReadUtcTime() : validity.ReadGeneralizedTime();

    private static string ReadKey(AsnReader info)
    {
        var algorithm = info.ReadSequence();
        var oid = algorithm.ReadObjectIdentifier();
        if (oid == Oids.EcKey && algorithm.HasData && algorithm.PeekTag() == Asn1Tag.ObjectIdentifier)
        {
            var curve = algorithm.ReadObjectIdentifier();
            return EcCurve.Named(curve)?.Name ?? curve;
        }
        if (oid != Oids.RsaKey)
            return oid;
        var modulus = new AsnReader(info.ReadBitString(out _), AsnEncodingRules.DER).ReadSequence().ReadIntegerBytes().Span;
        return $"RSA {new System.Numerics.BigInteger(modulus, isUnsigned: true, isBigEndian: true).GetBitLength()}";
    }
}
