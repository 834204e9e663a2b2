using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Signing;
using Overture.Cli.Pki;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>What is signed, byte for byte a function of its inputs (docs/threats.md §4.1, docs/puppet-contracts.md §3.2).</summary>
public sealed class CertificateProfileTests(OneCa one) : IClassFixture<OneCa>, IDisposable
{
    private static readonly CertName Name = CertName.Parse("0af76519-16cd-43dd-8448-eb211c80319c");
    private readonly RSA rsa = RSA.Create(2048);
    private readonly ECDsa ec = CsrBuilder.EcKey();
    private readonly CaSigner signer = one.Signer;

    private CaFiles Ca => signer.Ca;
    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public void Dispose()
    {
        rsa.Dispose();
        ec.Dispose();
    }

    [Fact]
    public void ToBeSigned_SameInputs_SameBytes()
    {
        var now = Now;
        Assert.Equal(Tbs(rsa, now).Tbs, Tbs(rsa, now).Tbs);
    }

    [Theory]
    [InlineData(1825), InlineData(180)]
    public void ToBeSigned_Dates_BackADayAndTheGrantsLife(int days)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(Now.ToUnixTimeSeconds()).AddHours(1);
        using var certificate = Sealed(ec, now, days);
        Assert.Equal(now.AddHours(-24), new DateTimeOffset(certificate.NotBefore));
        Assert.Equal(now.AddDays(days), new DateTimeOffset(certificate.NotAfter));
    }

    [Fact]
    public void ToBeSigned_NearTheCasEnd_IsNeverBeyondIt()
    {
        using var certificate = Sealed(ec, new DateTimeOffset(Ca.Issuer.NotAfter).AddDays(-10), 1825);
        Assert.Equal(Ca.Issuer.NotAfter, certificate.NotAfter);
    }

    [Fact]
    public void ToBeSigned_BeforeTheCasBeginning_IsNeverBeforeIt()
    {
        using var certificate = Sealed(ec, new DateTimeOffset(Ca.Issuer.NotBefore).AddHours(1), 1825);
        Assert.Equal(Ca.Issuer.NotBefore, certificate.NotBefore);
    }

    [Fact]
    public void ToBeSigned_KeyUsage_FitsTheKey()
    {
        using var forRsa = Sealed(rsa, Now, 1);
        using var forEc = Sealed(ec, Now, 1);
        Assert.Equal(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment,
            forRsa.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages);
        Assert.Equal(X509KeyUsageFlags.DigitalSignature, forEc.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages);
    }

    [Fact]
    public void ToBeSigned_Names_AreExactlyTheGrants()
    {
        using var plain = Sealed(ec, Now, 1);
        using var granted = Sealed(ec, Now, 1, g =>
        {
            g.DnsAltNames.Add(["puppet", Name.ToString(), "puppet.example.org"]);
            g.Extensions.Add("1.3.6.1.4.1.34380.1.1.13", "web");
        });
        Assert.Equal([Name.ToString()], Names(plain));
        Assert.Equal([Name.ToString(), "puppet", "puppet.example.org"], Names(granted));
        Assert.Equal("0C03776562", Convert.ToHexString(granted.Extensions["1.3.6.1.4.1.34380.1.1.13"]!.RawData));
        Assert.Equal(
            [Oids.SubjectAltName, Oids.NetscapeComment, Oids.AuthorityKeyIdentifier, Oids.SubjectKeyIdentifier, Oids.BasicConstraints,
                Oids.ExtendedKeyUsage, Oids.KeyUsage],
            plain.Extensions.Select(e => e.Oid!.Value!));
        Assert.Equal([Oids.BasicConstraints, Oids.ExtendedKeyUsage, Oids.KeyUsage],
            granted.Extensions.Where(e => e.Critical).Select(e => e.Oid!.Value!));
    }

    [Fact]
    public void NewSerial_IsPositiveAndNeverTheSame()
    {
        using var random = RandomNumberGenerator.Create();
        var serials = Enumerable.Range(0, 10_000).Select(_ => Convert.ToHexStringLower(CertificateProfile.NewSerial(random))).ToHashSet();
        Assert.Equal(10_000, serials.Count);
        Assert.All(serials, s => Assert.True(s.Length == 34 && s[0] is >= '1' and <= '7'));
    }

    [Fact]
    public void Check_AnythingChanged_Throws()
    {
        var (tbs, _) = Tbs(ec, Now);
        var good = SignedDer.Seal(tbs, signer);
        SignedDer.Check(good, ClaimOf(tbs), signer);
        var otherBytes = tbs.ToArray();
        otherBytes[^1] ^= 1;
        var otherSignature = good.ToArray();
        otherSignature[^1] ^= 1;
        Assert.Throws<CryptographicException>(() => SignedDer.Check(good, ClaimOf(otherBytes), signer));
        Assert.Throws<CryptographicException>(() => SignedDer.Check(otherSignature, ClaimOf(tbs), signer));
        foreach (var change in new Action<Claim>[] { c => c.Certname = "another", c => c.Serial = "4f01",
            c => c.SpkiSha256 = new string('0', 64) })
        {
            var claim = ClaimOf(tbs);
            change(claim);
            Assert.Throws<CryptographicException>(() => SignedDer.Check(good, claim, signer));
        }
    }

    // Each as the profile never makes it, and with a signature that holds.
    [Theory]
    [InlineData("0603551D13", "0603551D63"), InlineData("04023000", "04023100"), InlineData("507570706574204341", "507570706574204342"),
        InlineData("30616637", "30616638")]
    public void Check_ProperlySignedButNoLeafOfThisCaAndName_Throws(string bytes, string instead)
    {
        var (tbs, _) = Tbs(ec, Now);
        var hex = Convert.ToHexString(tbs);
        Assert.Contains(bytes, hex, StringComparison.Ordinal);
        var wrong = Convert.FromHexString(hex.Replace(bytes, instead, StringComparison.Ordinal));
        Assert.Throws<CryptographicException>(() => SignedDer.Check(SignedDer.Seal(wrong, signer), ClaimOf(wrong), signer));
    }

    private Claim ClaimOf(byte[] tbs) => new()
    {
        Certname = Name.ToString(),
        Serial = Convert.ToHexStringLower([0x4F, .. new byte[16]]),
        SpkiSha256 = SubjectKeyReader.Read(ec.ExportSubjectPublicKeyInfo()).Hash.ToString(),
        Tbs = Google.Protobuf.ByteString.CopyFrom(tbs),
    };

    private X509Certificate2 Sealed(AsymmetricAlgorithm key, DateTimeOffset now, int days, Action<Grant>? change = null) =>
        X509CertificateLoader.LoadCertificate(SignedDer.Seal(Tbs(key, now, days, change).Tbs, signer));

    private (byte[] Tbs, DateTimeOffset NotAfter) Tbs(
        AsymmetricAlgorithm key, DateTimeOffset now, int days = 1, Action<Grant>? change = null)
    {
        var grant = new Grant { Source = "launch", LifeSeconds = days * 86400L };
        change?.Invoke(grant);
        return CertificateProfile.ToBeSigned(
            Name, SubjectKeyReader.Read(key.ExportSubjectPublicKeyInfo()), grant, [0x4F, .. new byte[16]], now, Ca);
    }

    private static IEnumerable<string> Names(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames();
}

/// <summary>A CA without a service.</summary>
public sealed class OneCa : IDisposable
{
    private readonly TempDirectory home = new();

    public OneCa()
    {
        new PuppetCaInit(home.File("ca"), TimeProvider.System).Init("test", 2048);
        Signer = CaSigner.Open(home.File("ca"));
    }

    internal CaSigner Signer { get; }

    public void Dispose()
    {
        Signer.Dispose();
        home.Dispose();
    }
}
