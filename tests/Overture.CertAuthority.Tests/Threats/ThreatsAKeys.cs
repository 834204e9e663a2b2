using System.Net;
using System.Security.Cryptography;
using Overture.CertAuthority.Issuance;
using Overture.Platform.Records;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 A: tokens that somebody tries to burn, keys that belong to somebody else.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsAKeys(CaHouse house, ITestOutputHelper output)
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

        await oracle.Is400("a broken signature", instance.Name, new CsrBuilder(instance.Name.ToString(), key) { BreakSignature = true }.Challenge(instance.Token), Reason.CsrSignature);
        await oracle.Is400("another key's signature", instance.Name, new CsrBuilder(instance.Name.ToString(), key) { OtherSigner = other }.Challenge(instance.Token), Reason.CsrSignature);
        await oracle.Is400("a forbidden name", instance.Name, instance.Csr(key).DnsNames("puppet"), Reason.CsrSan);
        await oracle.Is400("a forbidden extension", instance.Name, instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.3.39", "true"), Reason.CsrExtension);
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
        await oracle.Is400("the key under a name that would wait for a person", "t60.example.org", new CsrBuilder("t60.example.org", key).Pem(), Reason.KeyBlocked);
        // Who has no token hears nothing of it.
        await oracle.Is403("the key with a wrong token", other.Name, new CsrBuilder(other.Name.ToString(), key).Challenge("wrong"), Reason.TokenMismatch);

        await oracle.Holds();
    }

    private IEnumerable<(string What, AsymmetricAlgorithm Key)> KeysOfTheHouse()
    {
        var passphrase = File.ReadAllText(Path.Combine(house.CaDirectory, CaFiles.PassphraseFile)).Trim();
        foreach (var file in new[] { CaFiles.KeyFile, CaFiles.RootKeyFile })
        {
            var rsa = RSA.Create();
            rsa.ImportFromEncryptedPem(File.ReadAllText(Path.Combine(house.CaDirectory, file)), passphrase);
            yield return (file, rsa);
        }
        foreach (var file in new[] { house.Pki.Files("certauthority").Key, Path.Combine(ca.Options.StateDirectory, "ca-api.pem") })
        {
            var ec = ECDsa.Create();
            ec.ImportFromPem(KeyBlock(File.ReadAllText(file)));
            yield return (Path.GetFileName(file), ec);
        }
    }

    private static string KeyBlock(string pem) => pem[pem.LastIndexOf("-----BEGIN", StringComparison.Ordinal)..];
}
