using System.Globalization;
using System.Numerics;

namespace Overture.CertAuthority.Csr;

/// <summary>A prime curve y² = x³ - 3x + b (mod p); SEC 2. Both have cofactor 1, so a point on the curve is in the right group.</summary>
internal sealed record EcCurve(string Name, int Bytes, BigInteger P, BigInteger B)
{
    private static readonly EcCurve P256 = new("P-256", 32,
        Hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
        Hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"));

    private static readonly EcCurve P384 = new("P-384", 48,
        Hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff"),
        Hex("b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef"));

    public static EcCurve? Named(string oid) => oid switch
    {
        Oids.P256 => P256,
        Oids.P384 => P384,
        _ => null,
    };

    public bool Holds(ReadOnlySpan<byte> x, ReadOnlySpan<byte> y)
    {
        var (a, b) = (new BigInteger(x, isUnsigned: true, isBigEndian: true), new BigInteger(y, isUnsigned: true, isBigEndian: true));
        return a < P && b < P && ((b * b) - (a * a * a) + (3 * a) - B) % P == 0;
    }

    private static BigInteger Hex(string digits) => BigInteger.Parse("0" + digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
