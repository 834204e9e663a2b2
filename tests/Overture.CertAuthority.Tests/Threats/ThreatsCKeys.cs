using System.Diagnostics;
using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using Overture.CertAuthority.Csr;
using Overture.Platform.Faults;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 C: keys that are too small, broken, or of a kind no one checks, and signatures that prove nothing.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsCKeys(CaFixture house, ITestOutputHelper output) : IDisposable
{
    private readonly RunningCa ca = house.Ca;
    private readonly ECDsa key = CsrBuilder.EcKey();
    private readonly RSA rsa = RSA.Create(2048);

    public void Dispose()
    {
        key.Dispose();
        rsa.Dispose();
    }

    [Fact]
    public async Task T55_RsaSizes_OnlyThreeAreTaken()
    {
        int[] sizes = [512, 1024, 2040, 2047, 2049, 2056, 3064, 3071, 3073, 4095, 4104, 5120, 8192, 16384];
        await Refused(sizes.Select(bits => ($"RSA {bits}", WithRsa(CsrParts.Odd(bits), 65537), Reason.KeySize))
            .Append(("a negative modulus", WithRsa(-CsrParts.Odd(2047), 65537), Reason.KeySize)));
        // Before any expensive arithmetic.
        foreach (var bits in sizes)
        {
            var der = WithRsa(CsrParts.Odd(bits), 65537)("0af76519-16cd-43dd-8448-eb211c80319c").Der();
            // One of some times, where this machine has other things to do.
            Assert.True(Enumerable.Range(0, 100).Any(_ =>
            {
                var began = Stopwatch.GetTimestamp();
                Assert.Equal(Reason.KeySize, Assert.Throws<FaultException>(() => CsrReader.Read(der)).Reason);
                return Stopwatch.GetElapsedTime(began) < TimeSpan.FromMilliseconds(5);
            }), $"RSA {bits}: 5 ms and more");
        }
    }

    [Fact]
    public async Task T56_WeakRsaKeys_Are400()
    {
        var good = CsrParts.ModulusOf(rsa);
        var p = new BigInteger(rsa.ExportParameters(true).P, isUnsigned: true, isBigEndian: true);
        var exponents = new (string What, BigInteger E)[] { ("e = 1", 1), ("e = 3", 3), ("e = 65536", 65536),
            ("e = 2^64+1", (BigInteger.One << 64) + 1), ("e = -65537", -65537), ("e = 0", 0) };
        (string, BigInteger)[] moduli =
        [
            ("an even modulus", good - 1), ("a factor of 3", Multiple(3)), ("a factor of 751", Multiple(751)),
                ("the square of a prime", p * p), ("close primes", p * Next(p + 2)),
            ("close primes, fifty rounds away", p * Next(p + (BigInteger.One << 512) * 20 + 1)), ("the ROCA fingerprint", Roca()),
        ];

        await Refused(exponents.Select(e => (e.What, WithRsa(good, e.E), Reason.KeyWeak))
            .Concat(moduli.Select(m => (m.Item1, WithRsa(m.Item2, 65537), Reason.KeyWeak))));
    }

    [Fact]
    public async Task T57_OtherCurvesAndFalsePoints_Are400()
    {
        using var p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        using var p224 = ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.33"));
        using var brainpool = ECDsa.Create(ECCurve.NamedCurves.brainpoolP256r1);
        using var koblitz = ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10"));
        using var parameters = ECDsa.Create(key.ExportExplicitParameters(true));
        var point = key.ExportParameters(false).Q;
        var table = new[] { ("P-521", p521), ("P-224", p224), ("brainpoolP256r1", brainpool), ("secp256k1", koblitz),
            ("explicit parameters", parameters) }
            .Select(c => (c.Item1, new Func<string, CsrBuilder>(name => new CsrBuilder(name, c.Item2)), Reason.KeyType)).ToList();
        foreach (var (what, bytes, reason) in new (string, byte[], Reason)[]
        {
            ("infinity", [0], Reason.KeyType), ("a compressed point", [(byte)(2 + (point.Y![^1] & 1)), .. point.X!], Reason.KeyType),
                ("a hybrid point", [(byte)(6 + (point.Y[^1] & 1)), .. point.X!, .. point.Y], Reason.KeyType),
            ("one byte short", [4, .. point.X!, .. point.Y[1..]], Reason.KeyType), ("a point of P-384's size", [4, .. new byte[96]],
                Reason.KeyType), ("not on the curve", [4, .. point.X!, .. point.Y[..31], (byte)(point.Y[31] ^ 1)], Reason.KeyWeak),
            ("the origin", [4, .. new byte[64]], Reason.KeyWeak),
            ("coordinates beyond p", [4, .. Enumerable.Repeat((byte)0xFF, 64)], Reason.KeyWeak),
        })
        {
            table.Add((what, name => new CsrBuilder(name, key) { RawSpki = CsrParts.EcSpki(CsrParts.P256, bytes) }, reason));
        }
        table.Add(("no curve", name => new CsrBuilder(name,
            key) { RawSpki = CsrParts.Spki(w => w.WriteObjectIdentifier(CsrParts.EcKey), [4, .. point.X!, .. point.Y]) }, Reason.KeyType));
        table.Add(("NULL for a curve", name => new CsrBuilder(name, key) { RawSpki = CsrParts.Spki(
            w => { w.WriteObjectIdentifier(CsrParts.EcKey); w.WriteNull(); }, [4, .. point.X!, .. point.Y]) }, Reason.KeyType));

        await Refused(table);
    }

    [Fact]
    public async Task T58_OtherKindsOfKeys_Are400()
    {
        (string What, string Oid)[] kinds =
        [
            ("DSA", "1.2.840.10040.4.1"), ("Ed25519", "1.3.101.112"), ("Ed448", "1.3.101.113"), ("X25519", "1.3.101.110"),
                ("RSA-PSS", "1.2.840.113549.1.1.10"), ("RSA-OAEP", "1.2.840.113549.1.1.7"),
            ("ML-DSA-44", "2.16.840.1.101.3.4.3.17"), ("ML-KEM-768", "2.16.840.1.101.3.4.4.2"), ("GOST", "1.2.643.7.1.1.1.1"),
            ("SM2", "1.2.156.10197.1.301"), ("ECDH", "1.3.132.1.12"), ("an unknown one", "1.2.3.4"),
        ];
        var unparametrised = CsrParts.Spki(w => w.WriteObjectIdentifier(CsrParts.RsaKey), rsa.ExportRSAPublicKey());
        var odd = CsrParts.Spki(w => { w.WriteObjectIdentifier(CsrParts.RsaKey); w.WriteOctetString([]); }, rsa.ExportRSAPublicKey());

        await Refused(kinds.Select(k => (k.What, new Func<string, CsrBuilder>(name =>
            new CsrBuilder(name, key) { RawSpki = CsrParts.Spki(w => w.WriteObjectIdentifier(k.Oid), new byte[32]) }), Reason.KeyType))
            .Append(("RSA without NULL parameters", name => new CsrBuilder(name, rsa) { RawSpki = unparametrised }, Reason.KeyType))
            .Append(("RSA with other parameters", name => new CsrBuilder(name, rsa) { RawSpki = odd }, Reason.KeyType)));
    }

    [Fact]
    public async Task T59_SignaturesThatProveNothing_Are400()
    {
        using var other = CsrBuilder.EcKey();
        byte[] Oid(string oid) => CsrParts.Sequence(w => w.WriteObjectIdentifier(oid));
        // RSASSA-PSS with a salt of 17 bytes.
        var pss = CsrParts.Sequence(w =>
        {
            w.WriteObjectIdentifier("1.2.840.113549.1.1.10");
            using (w.PushSequence())
            using (w.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 2)))
                w.WriteInteger(17);
        });
        var withNull = CsrParts.Sequence(w => { w.WriteObjectIdentifier("1.2.840.10045.4.3.2"); w.WriteNull(); });

        await Refused(
        [
            ("MD5", name => new CsrBuilder(name, rsa) { Hash = HashAlgorithmName.MD5 }, Reason.CsrAlgorithm),
            ("SHA-1 by RSA", name => new CsrBuilder(name, rsa) { Hash = HashAlgorithmName.SHA1 }, Reason.CsrAlgorithm),
            ("SHA-1 by ECDSA", name => new CsrBuilder(name, key) { Hash = HashAlgorithmName.SHA1 }, Reason.CsrAlgorithm),
            ("SHA-224 by RSA", name => new CsrBuilder(name, rsa) { RawAlgorithm = Oid("1.2.840.113549.1.1.14") }, Reason.CsrAlgorithm),
            ("SHA-224 by ECDSA", name => new CsrBuilder(name, key) { RawAlgorithm = Oid("1.2.840.10045.4.3.1") }, Reason.CsrAlgorithm),
            ("PSS with an odd salt", name => new CsrBuilder(name, rsa) { RawAlgorithm = pss }, Reason.CsrAlgorithm),
            ("ECDSA with parameters", name => new CsrBuilder(name, key) { RawAlgorithm = withNull }, Reason.CsrAlgorithm),
            ("an unknown algorithm", name => new CsrBuilder(name, key) { RawAlgorithm = Oid("1.2.3.4") }, Reason.CsrAlgorithm),
            ("an algorithm of another kind of key", name => new CsrBuilder(name, key) { OtherSigner = rsa }, Reason.CsrAlgorithm),
            ("another key's signature", name => new CsrBuilder(name, key) { OtherSigner = other }, Reason.CsrSignature),
            ("a broken signature by RSA", name => new CsrBuilder(name, rsa) { BreakSignature = true }, Reason.CsrSignature),
            ("a broken signature by ECDSA", name => new CsrBuilder(name, key) { BreakSignature = true }, Reason.CsrSignature),
            ("SHA-384 said, SHA-256 used", name =>
                new CsrBuilder(name, key) { RawAlgorithm = Oid("1.2.840.10045.4.3.3") }, Reason.CsrSignature),
        ]);
    }

    private async Task Refused(IEnumerable<(string What, Func<string, CsrBuilder> Request, Reason Reason)> table)
    {
        var instance = await house.Launch();
        var oracle = await Oracle.Watch(ca, output, instance);
        foreach (var (what, request, reason) in table)
            await oracle.Is400(what, instance.Name, request(instance.Name.ToString()).Challenge(instance.Token), reason);
        await oracle.Holds();
    }

    private Func<string, CsrBuilder> WithRsa(BigInteger modulus, BigInteger exponent) => name =>
        new CsrBuilder(name, rsa) { RawSpki = CsrParts.RsaSpki(modulus, exponent) };

    // 2048 bits with this factor.
    private static BigInteger Multiple(int factor)
    {
        var half = (BigInteger.One << 2047) / factor + 1;
        return (half | 1) * factor;
    }

    // The next number without small factors stands in for the next prime: Fermat's method does not care.
    private static BigInteger Next(BigInteger from)
    {
        var q = from | 1;
        while (Enumerable.Range(2, 800).Any(d => q % d == 0))
            q += 2;
        return q;
    }

    // As Infineon's library made them: k·M + (65537^a mod M), M the product of the first primes (CVE-2017-15361).
    private static BigInteger Roca()
    {
        var m = Enumerable.Range(2, 700).Where(n => Enumerable.Range(2, n - 2).All(d => n % d != 0)).Take(126)
            .Aggregate(BigInteger.One, (product, prime) => product * prime);
        var modulus = ((BigInteger.One << 2047) / m * m) + m + BigInteger.ModPow(65537, 1234567, m);
        while (Enumerable.Range(702, 50).Any(d => modulus % d == 0))
            modulus += m;
        return modulus;
    }
}
