using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 A: tokens that someone tries to burn, keys that belong to someone else.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsAKeys(CaFixture house, ITestOutputHelper output)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task T27_MalformedRequestWithTheRealToken_BurnsNothing()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        using var rsa = RSA.Create(1024);
        using var other = CsrBuilder.EcKey();
        var oracle = await Oracle.Watch(ca, output, instance);

        await oracle.Is400("a broken signature", instance.Name,
            new CsrBuilder(instance.Name.ToString(), key) { BreakSignature = true }.Challenge(instance.Token), Reason.CsrSignature);
        await oracle.Is400("another key's signature", instance.Name,
            new CsrBuilder(instance.Name.ToString(), key) { OtherSigner = other }.Challenge(instance.Token), Reason.CsrSignature);
        await oracle.Is400("a forbidden name", instance.Name, instance.Csr(key).DnsNames("puppet"), Reason.CsrSan);
        await oracle.Is400("a forbidden extension", instance.Name, instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.3.39", "true"),
            Reason.CsrExtension);
        await oracle.Is400("a weak key", instance.Name, instance.Csr(rsa), Reason.KeySize);

        await oracle.Holds();
    }

    [Fact]
    public async Task T29_KeyOfAnotherNodeOrOfTheHouse_Is400()
    {
        var (one, other) = (await house.Launch(), await house.Launch());
        using var key = CsrBuilder.EcKey();
        (await ca.Put(one, key)).Dispose();
        var oracle = await Oracle.Watch(ca, output, other);

        await oracle.Is400("the key of node A for B", other.Name, other.Csr(key), Reason.KeyReused);
        foreach (var (what, owned) in KeysOfTheHouse())
        {
            using (owned)
                await oracle.Is400(what, other.Name, other.Csr(owned), Reason.KeyReused);
        }

        Assert.NotNull(await ca.Certificate(one.Name));
        await oracle.Holds();
    }

    [Theory]
    [InlineData("conductor"), InlineData("classifier"), InlineData("operator"), InlineData("viewer"), InlineData("enc"),
        InlineData("autosign")]
    public async Task T29_KeyOfTheInternalPkiThatAServiceHasMet_IsCertifiedForNobody(string party)
    {
        var instance = await house.Launch();
        using var key = Read(house.Pki.Files(party).Key);
        // Whether it may call at all is of no concern.
        using (var channel = house.Pki.Channel(ca.GrpcPort, party))
            await Record.ExceptionAsync(async () => await new CertAuthorityService.CertAuthorityServiceClient(channel).GetCrlAsync(new()));
        await ca.Services.GetRequiredService<ServiceKeys>().Flush(default);
        var oracle = await Oracle.Watch(ca, output, instance);

        await oracle.Is400($"the key of {party}", instance.Name, instance.Csr(key), Reason.KeyReused);

        await oracle.Holds();
    }

    [Fact]
    public async Task T29_KeyThatANodeHadBefore_IsNotRenewed()
    {
        using var node = await ca.Node();
        await house.Store.PutIfAbsent(ObjectKeys.ServiceKey(Spki(node)), Vouched(node, "conductor"), default);
        using var answer = await Renewed(node);
        Assert.Equal(System.Net.HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Theory]
    [InlineData("unsigned"), InlineData("by a role that is no service's"), InlineData("by another PKI"), InlineData("changed"),
        InlineData("another key's"), InlineData("damaged")]
    public async Task T29_RecordOfAServiceKeyThatNoServiceSigned_BarsNobodyAndIsNamed(string how)
    {
        using var node = await ca.Node();
        using var strangers = new TestPki();
        var key = how switch
        {
            "unsigned" => new ServiceKey { Schema = 1, SpkiSha256 = Spki(node), Holder = "conductor",
                At = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTime(DateTime.UnixEpoch) },
            "by a role that is no service's" => Vouched(node, "viewer"),
            "by another PKI" => Vouched(node, "conductor", strangers),
            _ => Vouched(node, "conductor"),
        };
        if (how == "changed")
            key.Holder = "classifier";
        if (how == "another key's")
            key.SpkiSha256 = new string('0', 64);
        await house.Store.PutIfAbsent(
            ObjectKeys.ServiceKey(Spki(node)), how == "damaged" ? "{"u8.ToArray() : RecordJson.Write(key), default);

        using var answer = await Renewed(node);

        Assert.Equal(System.Net.HttpStatusCode.OK, answer.StatusCode);
        Assert.Single(ca.Options.Log.Lines, l =>
            l.StartsWith($"Critical ca.foreign_key: {ObjectKeys.ServiceKey(Spki(node))} ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task T29_RecordOfAServiceKeyDeleted_IsWrittenAgainWithinTheHour()
    {
        var clock = new StepClock();
        await using var second = await RunningCa.Start(house, house.Options("service-keys-2") with { Clock = clock });
        var keys = second.Services.GetRequiredService<ServiceKeys>();
        await keys.Flush(default);
        using var own = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(
            await File.ReadAllTextAsync(second.Options.Tls.Certificate));
        var key = ObjectKeys.ServiceKey(Convert.ToHexStringLower(SHA256.HashData(own.PublicKey.ExportSubjectPublicKeyInfo())));
        Assert.NotNull(await house.Store.Get(key, default));
        await house.Store.Delete(key, default);
        clock.Passed += TimeSpan.FromMinutes(61);

        await keys.Flush(default);

        Assert.NotNull(await house.Store.Get(key, default));
    }

    [Fact]
    public async Task T29_RecordThatNoServiceSigned_IsReplacedByTheServiceThatMeetsTheKey()
    {
        using var viewer = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(
            await File.ReadAllTextAsync(house.Pki.Files("viewer").Certificate));
        var spki = Convert.ToHexStringLower(SHA256.HashData(viewer.PublicKey.ExportSubjectPublicKeyInfo()));
        await house.Store.Delete(ObjectKeys.ServiceKey(spki), default);
        await house.Store.PutIfAbsent(
            ObjectKeys.ServiceKey(spki), new ServiceKey { Schema = 1, SpkiSha256 = spki, Holder = "nobody" }, default);
        await using var second = await house.Start("service-keys");
        using (var channel = house.Pki.Channel(second.GrpcPort, "viewer"))
            await new CertAuthorityService.CertAuthorityServiceClient(channel).GetCrlAsync(new());

        await second.Services.GetRequiredService<ServiceKeys>().Flush(default);

        Assert.Equal("viewer", (await house.Store.Get<ServiceKey>(ObjectKeys.ServiceKey(spki), default))!.Holder);
        Assert.Single(second.Options.Log.Lines, l =>
            l.StartsWith($"Warning tls.key_replaced: {ObjectKeys.ServiceKey(spki)} ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task T60_KeyRevokedAsCompromised_Is400UnderAnyName()
    {
        var (one, other) = (await house.Launch(), await house.Launch());
        using var key = CsrBuilder.EcKey();
        (await ca.Put(one, key)).Dispose();
        // Reason 1, keyCompromise: an operator's revocation never says less.
        await ca.Admin.RevokeCertificateAsync(new() { Certname = one.Name.ToString(), Reason = "stolen" });
        var oracle = await Oracle.Watch(ca, output, other);

        await oracle.Is400("the key under a new name", other.Name, other.Csr(key), Reason.KeyBlocked);
        await oracle.Is400("the key under a name that would wait for a person", "t60.example.org",
            new CsrBuilder("t60.example.org", key).Pem(), Reason.KeyBlocked);
        // Who has no token hears nothing of it.
        await oracle.Is403(
            "the key with a wrong token", other.Name, new CsrBuilder(other.Name.ToString(), key).Challenge("wrong"), Reason.TokenMismatch);

        await oracle.Holds();
    }

    private ServiceKey Vouched(CertifiedClient node, string party, TestPki? pki = null)
    {
        var files = (pki ?? house.Pki).Files(party);
        using var leaf = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
        var key = new ServiceKey { Schema = 1, WriteId = "w", SpkiSha256 = Spki(node), Holder = party,
            At = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow()) };
        ServiceKeyVoucher.Sign(key, leaf);
        return key;
    }

    private static string Spki(CertifiedClient node) =>
        Convert.ToHexStringLower(SHA256.HashData(node.Certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static Task<HttpResponseMessage> Renewed(CertifiedClient node) =>
        node.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent(""));

    private IEnumerable<(string What, AsymmetricAlgorithm Key)> KeysOfTheHouse()
    {
        var passphrase = File.ReadAllText(Path.Combine(house.CaDirectory, CaFiles.PassphraseFile)).Trim();
        foreach (var file in new[] { CaFiles.KeyFile, CaFiles.RootKeyFile })
        {
            var rsa = RSA.Create();
            rsa.ImportFromEncryptedPem(File.ReadAllText(Path.Combine(house.CaDirectory, file)), passphrase);
            yield return (file, rsa);
        }
        foreach (var file in new[] { house.Pki.Files("certauthority").Key, Path.Combine(ca.Options.StateDirectory, "ca-api.pem"),
            house.Pki.LaunchSigningKey, Path.Combine(ca.Options.StateDirectory, "audit.key") })
        {
            yield return (Path.GetFileName(file), Read(file));
        }
    }

    private static ECDsa Read(string file)
    {
        var ec = ECDsa.Create();
        ec.ImportFromPem(KeyBlock(File.ReadAllText(file)));
        return ec;
    }

    private static string KeyBlock(string pem) => pem[pem.LastIndexOf("-----BEGIN", StringComparison.Ordinal)..];
}
