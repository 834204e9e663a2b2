using System.Formats.Asn1;
using System.Numerics;
using Overture.Platform.Connections;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Csr;

/// <summary>
/// Keys that may be certified: RSA of 2048, 3072 or 4096 bits with e = 65537 and no known weakness; P-256 and P-384 by name, with an
/// uncompressed point on the curve. Sizes are looked at before anything is computed.
/// </summary>
internal static class SubjectKeyReader
{
    public static SubjectKey Read(ReadOnlyMemory<byte> spki)
    {
        var info = new AsnReader(spki, AsnEncodingRules.DER).ReadSequence();
        var algorithm = info.ReadSequence();
        var bits = ReadBits(info);
        return algorithm.ReadObjectIdentifier() switch
        {
            Oids.RsaKey => new SubjectKey(KeyKind.Rsa, ReadRsa(algorithm, bits), spki, bits),
            Oids.EcKey => new SubjectKey(KeyKind.Ec, ReadEc(algorithm, bits), spki, bits),
            _ => throw CsrFault.Of(Reason.KeyType, "the key must be RSA, P-256 or P-384"),
        };
    }

    private static byte[] ReadBits(AsnReader info)
    {
        var bits = info.ReadBitString(out var unused);
        info.ThrowIfNotEmpty();
        return unused == 0 ? bits : throw CsrFault.Of(Reason.KeyType, "the key is not whole bytes");
    }

    private static string ReadRsa(AsnReader algorithm, byte[] bits)
    {
        if (!algorithm.HasData || algorithm.PeekTag() != Asn1Tag.Null)
            throw CsrFault.Of(Reason.KeyType, "an RSA key's algorithm must have NULL parameters");
        algorithm.ReadNull();
        algorithm.ThrowIfNotEmpty();
        var whole = new AsnReader(bits, AsnEncodingRules.DER);
        var key = whole.ReadSequence();
        whole.ThrowIfNotEmpty();
        var modulus = key.ReadIntegerBytes();
        var exponent = key.ReadIntegerBytes();
        key.ThrowIfNotEmpty();

        // A positive INTEGER with its top bit set has one leading zero byte.
        var magnitude = modulus.Span[0] == 0 ? modulus.Span[1..] : modulus.Span;
        if (modulus.Span[0] >= 0x80 || magnitude.Length is not (256 or 384 or 512) || magnitude[0] < 0x80)
            throw CsrFault.Of(Reason.KeySize, "an RSA key must have 2048, 3072 or 4096 bits");
        if (!exponent.Span.SequenceEqual(stackalloc byte[] { 1, 0, 1 }))
            throw CsrFault.Of(Reason.KeyWeak, "an RSA key's exponent must be 65537");
        if (WeakModulus.Weakness(new BigInteger(magnitude, isUnsigned: true, isBigEndian: true)) is { } weakness)
            throw CsrFault.Of(Reason.KeyWeak, weakness);
        return $"RSA {magnitude.Length * 8}";
    }

    private static string ReadEc(AsnReader algorithm, byte[] point)
    {
        if (!algorithm.HasData || algorithm.PeekTag() != Asn1Tag.ObjectIdentifier)
            throw CsrFault.Of(Reason.KeyType, "an EC key must name its curve");
        var curve = EcCurve.Named(algorithm.ReadObjectIdentifier())
            ?? throw CsrFault.Of(Reason.KeyType, "an EC key must be on P-256 or P-384");
        algorithm.ThrowIfNotEmpty();
        if (point.Length != (2 * curve.Bytes) + 1 || point[0] != 4)
            throw CsrFault.Of(Reason.KeyType, "an EC key must be an uncompressed point");
        return curve.Holds(point.AsSpan(1, curve.Bytes), point.AsSpan(1 + curve.Bytes))
            ? curve.Name
            : throw CsrFault.Of(Reason.KeyWeak, "the EC key is not a point on its curve");
    }
}
