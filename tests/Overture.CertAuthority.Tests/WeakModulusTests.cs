using System.Numerics;
using System.Security.Cryptography;
using Overture.CertAuthority.Csr;

namespace Overture.CertAuthority.Tests;

/// <summary>One test a rule (threats T56).</summary>
public sealed class WeakModulusTests
{
    [Theory]
    [InlineData(2048), InlineData(3072), InlineData(4096)]
    public void Weakness_OrdinaryKey_None(int bits)
    {
        using var key = RSA.Create(bits);
        Assert.Null(WeakModulus.Weakness(ModulusOf(key)));
    }

    [Theory]
    [InlineData(2), InlineData(3), InlineData(5), InlineData(167), InlineData(751)]
    public void Weakness_SmallFactor_IsSeen(int factor)
    {
        using var key = RSA.Create(2048);
        Assert.Contains("small factor", WeakModulus.Weakness(ModulusOf(key) * factor), StringComparison.Ordinal);
    }

    [Fact]
    public void Weakness_FirstPrimeBeyondTheLimit_IsNotLookedFor()
    {
        using var key = RSA.Create(2048);
        Assert.Null(WeakModulus.Weakness(ModulusOf(key) * 757));
    }

    [Fact]
    public void Weakness_SquareOfAPrime_IsSeen()
    {
        using var key = RSA.Create(2048);
        var p = new BigInteger(key.ExportParameters(true).P, isUnsigned: true, isBigEndian: true);
        Assert.Contains("close primes", WeakModulus.Weakness(p * p), StringComparison.Ordinal);
    }

    [Fact]
    public void Weakness_CloseFactors_AreSeen()
    {
        using var key = RSA.Create(2048);
        var p = new BigInteger(key.ExportParameters(true).P, isUnsigned: true, isBigEndian: true);
        // The next number without small factors stands in for the next prime: Fermat's method does not care.
        var q = p + 2;
        while (Enumerable.Range(2, 800).Any(d => q % d == 0))
            q += 2;
        Assert.Contains("close primes", WeakModulus.Weakness(p * q), StringComparison.Ordinal);
    }

    [Fact]
    public void Weakness_CloseFactorsManyRoundsAway_AreSeen()
    {
        using var key = RSA.Create(2048);
        var p = new BigInteger(key.ExportParameters(true).P, isUnsigned: true, isBigEndian: true);
        // Difference d: about d²/8√n rounds, here about fifty.
        var q = p + (BigInteger.One << 512) * 20;
        q += 1 - (q % 2);
        while (Enumerable.Range(2, 800).Any(d => q % d == 0))
            q += 2;
        Assert.Contains("close primes", WeakModulus.Weakness(p * q), StringComparison.Ordinal);
    }

    [Fact]
    public void Weakness_RocaFingerprint_IsSeen()
    {
        // As Infineon's library made them: k·M + (65537^a mod M), M the product of the first primes.
        var m = Enumerable.Range(2, 700).Where(n => Enumerable.Range(2, n - 2).All(d => n % d != 0)).Take(126).Aggregate(BigInteger.One, (product, prime) => product * prime);
        var modulus = ((BigInteger.One << 2047) / m * m) + m + BigInteger.ModPow(65537, 1234567, m);
        while (Enumerable.Range(702, 50).Any(d => modulus % d == 0))
            modulus += m;
        Assert.Contains("ROCA", WeakModulus.Weakness(modulus), StringComparison.Ordinal);
    }

    private static BigInteger ModulusOf(RSA key) => new(key.ExportParameters(false).Modulus, isUnsigned: true, isBigEndian: true);
}
