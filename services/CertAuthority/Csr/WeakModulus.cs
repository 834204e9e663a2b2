using System.Numerics;

namespace Overture.CertAuthority.Csr;

/// <summary>Cheap proofs that an RSA modulus is weak, as Boulder's goodkey has them: small factors, close primes (Fermat), ROCA.</summary>
internal static class WeakModulus
{
    private const int LargestSmallFactor = 751, FermatRounds = 110, RocaLargestPrime = 167;
    private static readonly int[] SmallPrimes = [.. Enumerable.Range(2, LargestSmallFactor - 1)
        .Where(n => Enumerable.Range(2, n - 2).TakeWhile(d => d * d <= n).All(d => n % d != 0))];
    private static readonly BigInteger SmallProduct = SmallPrimes.Aggregate(BigInteger.One, (product, prime) => product * prime);
    private static readonly (int Prime, bool[] Reached)[] RocaPrints =
        [.. SmallPrimes.Where(p => p is > 2 and <= RocaLargestPrime).Select(p => (p, Powers(p)))];

    /// <summary>What is wrong with it, or null.</summary>
    public static string? Weakness(BigInteger modulus)
    {
        // One division of the large number; the rest is small.
        var residue = modulus % SmallProduct;
        if (SmallPrimes.Any(p => residue % p == 0))
            return "the RSA modulus has a small factor";
        if (RocaPrints.All(print => print.Reached[(int)(residue % print.Prime)]))
            return "the RSA modulus has the ROCA fingerprint (CVE-2017-15361)";
        return HasCloseFactors(modulus) ? "the RSA modulus is the product of two close primes" : null;
    }

    // ROCA's primes are k·M + (65537^a mod M): modulo each small prime, the modulus is a power of 65537.
    private static bool[] Powers(int prime)
    {
        var reached = new bool[prime];
        for (var power = 1; !reached[power]; power = power * (65537 % prime) % prime)
            reached[power] = true;
        return reached;
    }

    // Fermat: n = a² - b² with a just above √n. b² grows by 2a + 1 a round.
    private static bool HasCloseFactors(BigInteger n)
    {
        var a = Root(n);
        if (a * a == n)
            return true;
        a++;
        var square = (a * a) - n;
        for (var round = 0; round < FermatRounds; round++)
        {
            if (MayBeSquare(square) && Root(square) is var b && b * b == square)
                return true;
            square += (2 * a) + 1;
            a++;
        }
        return false;
    }

    // 64·63·65·11: residues of squares are rare, so 99 of 100 roots are never taken.
    private static bool MayBeSquare(BigInteger n)
    {
        var residue = (int)(n % 2882880);
        return IsSquareModulo(residue, 64) && IsSquareModulo(residue, 63) && IsSquareModulo(residue, 65) && IsSquareModulo(residue, 11);
    }

    private static bool IsSquareModulo(int n, int modulus)
    {
        for (var i = 0; i <= modulus / 2; i++)
        {
            if (i * i % modulus == n % modulus)
                return true;
        }
        return false;
    }

    /// <summary>Largest r with r² ≤ n, by Newton's method from above.</summary>
    private static BigInteger Root(BigInteger n)
    {
        if (n < 2)
            return n;
        // Half of the bits, and a start good to 50 of them.
        var shift = Math.Max(0, ((int)n.GetBitLength() - 100) & ~1);
        var root = (BigInteger)Math.Ceiling(Math.Sqrt((double)(n >> shift)) * (1 + 1e-14) + 1) << (shift / 2);
        while (true)
        {
            var next = (root + (n / root)) >> 1;
            if (next >= root)
                return root;
            root = next;
        }
    }
}
