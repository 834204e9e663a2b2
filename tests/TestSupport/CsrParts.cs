using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;

namespace Overture.TestSupport;

/// <summary>Parts of a certificate request in raw DER, for <see cref="CsrBuilder"/>.</summary>
public static class CsrParts
{
    public const string CommonName = "2.5.4.3", RsaKey = "1.2.840.113549.1.1.1", EcKey = "1.2.840.10045.2.1", P256 = "1.2.840.10045.3.1.7";

    public static byte[] Sequence(Action<AsnWriter> content) => CsrBuilder.Asn(w =>
    {
        using (w.PushSequence())
            content(w);
    });

    public static Action<AsnWriter> Printable(string text) => w => w.WriteCharacterString(UniversalTagNumber.PrintableString, text);

    public static Action<AsnWriter> Utf8(string text) => w => w.WriteCharacterString(UniversalTagNumber.UTF8String, text);

    public static (string Oid, UniversalTagNumber Kind, string Text) Cn(string text) => (CommonName, UniversalTagNumber.UTF8String, text);

    public static byte[] Subject(params Action<AsnWriter>[] rdns) => Sequence(w =>
    {
        foreach (var rdn in rdns)
            rdn(w);
    });

    /// <summary>An RDN of one common name, whose value is anything.</summary>
    public static Action<AsnWriter> RawCn(Action<AsnWriter> value) => w =>
    {
        using (w.PushSetOf())
        {
        using (w.PushSequence())
        {
            w.WriteObjectIdentifier(CommonName);
            value(w);
        }
        }
    };

    /// <summary>A SubjectPublicKeyInfo.</summary>
    public static byte[] Spki(Action<AsnWriter> algorithm, byte[] key) => Sequence(w =>
    {
        using (w.PushSequence())
            algorithm(w);
        w.WriteBitString(key);
    });

    public static byte[] RsaSpki(BigInteger modulus, BigInteger exponent) => Spki(
        w => { w.WriteObjectIdentifier(RsaKey); w.WriteNull(); },
        Sequence(w => { w.WriteInteger(modulus); w.WriteInteger(exponent); }));

    public static byte[] EcSpki(string curve, byte[] point) =>
        Spki(w => { w.WriteObjectIdentifier(EcKey); w.WriteObjectIdentifier(curve); }, point);

    public static BigInteger ModulusOf(RSA key) => new(key.ExportParameters(false).Modulus, isUnsigned: true, isBigEndian: true);

    /// <summary>A number of so many bits that is not the modulus of any key.</summary>
    public static BigInteger Odd(int bits) => (BigInteger.One << (bits - 1)) + 1;

    /// <summary>An extension's value: GeneralNames of one entry with this context tag.</summary>
    public static Action<AsnWriter> GeneralName(int tag, byte[] content) => w =>
    {
        using (w.PushSequence())
            w.WriteOctetString(content, new Asn1Tag(TagClass.ContextSpecific, tag));
    };
}
