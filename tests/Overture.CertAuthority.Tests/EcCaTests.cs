using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Cli.Pki;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>A CA whose keys are P-256: what it signs, and that the real agent and openssl take it.</summary>
public sealed class EcCaTests : IDisposable
{
    private readonly TempDirectory home = new();
    private readonly ECDsa key = CsrBuilder.EcKey();

    public EcCaTests() => Assert.Equal(5, new PuppetCaInit(home.File("ca"), TimeProvider.System).InitP256("ec").Count);

    private static DateTimeOffset Now => DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());

    public void Dispose()
    {
        key.Dispose();
        home.Dispose();
    }

    [Fact]
    public void Seal_P256_SaysEcdsaWithoutParametersInBothPlaces()
    {
        using var signer = CaSigner.Open(home.File("ca"));
        var tbs = Tbs(signer);
        var der = SignedDer.Seal(tbs, signer);
        SignedDer.Check(der, new Claim { Certname = "node", Serial = "4f01", SpkiSha256 =
            SubjectKeyReader.Read(key.ExportSubjectPublicKeyInfo()).Hash.ToString(),
            Tbs = Google.Protobuf.ByteString.CopyFrom(tbs) }, signer);
        var outer = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
        var inner = outer.ReadSequence();
        inner.ReadEncodedValue();
        inner.ReadEncodedValue();
        const string ecdsaWithSha256 = "300A06082A8648CE3D040302";
        Assert.Equal((ecdsaWithSha256, ecdsaWithSha256),
            (Convert.ToHexString(inner.ReadEncodedValue().Span), Convert.ToHexString(outer.ReadEncodedValue().Span)));
    }

    [Fact]
    public void Sign_ManyThreads_EachSignatureHolds()
    {
        using var signer = CaSigner.Open(home.File("ca"));
        var held = 0;
        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var data = BitConverter.GetBytes(i);
            var signature = signer.Sign(data);
            if (signer.Verify(data, signature) && !signer.Verify("other"u8, signature))
                Interlocked.Increment(ref held);
        });
        Assert.Equal(400, held);
    }

    [Fact]
    public void Crl_EveryReason_ReadsBackAsItWas()
    {
        using var signer = CaSigner.Open(home.File("ca"));
        var now = Now;
        // 0, 7 and 8 have no place in a full list, and 10 is not written.
        var revoked = Enumerable.Range(0, 11).Select(i => new RevocationRecord { Serial = $"4f{i:x2}", ReasonCode = i,
            At = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(now) }).ToList();
        var der = CrlDocument.Build(revoked, 12, now, now.AddDays(1), signer);
        Assert.True(SignatureScheme.IsSignedBy(der, signer.Ca.Issuer));
        Assert.False(SignatureScheme.IsSignedBy(der, signer.Ca.Chain[1]));
        var facts = CrlFacts.Read(der);
        Assert.Equal((12, now, now.AddDays(1)), (facts.Number!.Value, facts.ThisUpdate, facts.NextUpdate!.Value));
        Assert.Equal(revoked.Select(r => (r.Serial, r.ReasonCode is 0 or 7 or 8 or 10 ? 0 : r.ReasonCode)),
            facts.Entries.Select(e => ($"{e.Serial}", e.Reason)));
    }

    [Fact]
    public void SerialNumber_SmallNumber_IsWhatTheFrameworkReads()
    {
        using var signer = CaSigner.Open(home.File("ca"));
        Assert.True(SerialNumber.TryParse("0x2", out var two));
        Assert.Equal(two, SerialNumber.Of(signer.Ca.Issuer));
    }

    [Fact]
    public void Grant_OfTheAuthorizationArc_IsForAdministratorsAlone()
    {
        using var signer = CaSigner.Open(home.File("ca"));
        Assert.Throws<InvalidOperationException>(() => Tbs(signer, "launch", PuppetExtensions.CliAuth));
        Assert.Throws<InvalidOperationException>(() => Tbs(signer, "admin by x", "1.3.6.1.4.1.34380.1.3.1"));
        Assert.NotEmpty(Tbs(signer, "admin by x", PuppetExtensions.CliAuth));
    }

    private byte[] Tbs(CaSigner signer, string source = "launch", string? extension = null)
    {
        var grant = new Grant { Source = source, LifeSeconds = 86400 };
        if (extension is not null)
            grant.Extensions[extension] = "true";
        return CertificateProfile.ToBeSigned(
            CertName.Parse("node"), SubjectKeyReader.Read(key.ExportSubjectPublicKeyInfo()), grant, [0x4F, 1], Now, signer.Ca).Tbs;
    }
}

[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class EcCaAgentTests(CaFixture house) : IDisposable
{
    private readonly TempDirectory home = new();

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task SslBootstrap_UnderAP256Ca_Completes()
    {
        new PuppetCaInit(home.File("ca"), TimeProvider.System).InitP256("ec");
        var instance = await house.Launch();
        var store = DirectoryStore.At(home.File("objects"));
        await store.PutIfAbsent(
            ObjectKeys.Launch(instance.Name), (await house.Store.Get(ObjectKeys.Launch(instance.Name), default))!.Body, default);
        await using var ca = await RunningCa.Start(house, house.Options("ec")
            with { CaDirectory = home.File("ca"), Bucket = "file:" + home.File("objects"), StateDirectory = home.File("state") });
        Directory.CreateDirectory(home.File("conf"));
        await File.WriteAllTextAsync(
            home.File("conf/csr_attributes.yaml"), $"custom_attributes:\n  1.2.840.113549.1.9.7: {instance.Token}\n");

        foreach (var (action, told) in new[] { ("bootstrap", "Completed SSL initialization"), ("verify", "Verified client certificate") })
        {
            var (exit, output) = await Tool.Run("puppet", "ssl", action, "--confdir", home.File("conf"), "--vardir", home.File("var"),
                "--ssldir", home.File("ssl"), "--certname", $"{instance.Name}",
                "--ca_server", "localhost", "--ca_port", $"{ca.ApiPort}", "--keylength", "2048", "--waitforcert", "0", "--color", "false");
            Assert.True(exit == 0, output);
            Assert.Contains(told, output, StringComparison.Ordinal);
        }
        var verified = await Tool.Run("openssl", "verify", "-x509_strict", "-crl_check_all", "-CAfile", home.File("ssl/certs/ca.pem"),
            "-CRLfile", home.File("ssl/crl.pem"), home.File($"ssl/certs/{instance.Name}.pem"));
        Assert.True(verified.Exit == 0, verified.Output);
    }
}
