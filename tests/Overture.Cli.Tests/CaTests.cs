using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>Moving a puppetserver CA in, and minting certificates for `puppetserver ca`.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class CaTests(OvertureFixture overture) : IDisposable
{
    private readonly TempDirectory home = new();

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task CaInit_P256_MakesEcKeys()
    {
        (await overture.Run("ca", "init", "--home", home.Path, "--key-type", "p256")).Exit(0);
        Assert.Contains("ecdsa-with-SHA256", (await Shell.Run("openssl", "x509", "-noout", "-text", "-in", home.File("ca/ca_crt.pem")))
            .Ok(), StringComparison.Ordinal);
        (await overture.Run("ca", "init", "--home", home.File("b"), "--key-type", "dsa")).Exit(2).Says("dsa");
    }

    [Fact]
    public async Task CaImport_RealSetup_TellsWhatItFoundAndIsACaAfterwards()
    {
        var source = await Setup();
        await File.WriteAllTextAsync(Path.Combine(source, "signed/torn.pem"), "half");

        var found = (await overture.Run("ca", "import", source, "--home", home.Path, "-o", "json")).Exit(0)
            .Says("skipped: signed/torn.pem is not one certificate in PEM").Says("next: start CertAuthority").Json();

        Assert.Equal(("Puppet CA: puppet.example.org", "intermediate", "RSA 2048"),
            (found["ca"].Text(), found["kind"].Text(), found["key"].Text()));
        Assert.Equal((1, 0, 1), (found["certificates"]!.GetValue<int>(), found["revoked"]!.GetValue<int>(),
            found["skipped"]!.AsArray().Count));
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(source, "ca_crt.pem")),
            await File.ReadAllBytesAsync(home.File("ca/ca_crt.pem")));
        (await Shell.Run("openssl", "pkey", "-in", home.File("ca/ca_key.pem"), "-passin", "file:" + home.File("ca/passphrase"), "-noout"))
            .Ok();
        (await overture.Run("ca", "init", "--home", home.Path)).Exit(0).Says("nothing to do");
        (await overture.Run("ca", "import", source, "--home", home.Path)).Exit(6).Says("is not empty");
    }

    [Fact]
    public async Task CaImport_DamagedSource_NamesFileAndLineAndWritesNothing()
    {
        var source = await Setup();
        await File.WriteAllTextAsync(Path.Combine(source, "inventory.txt"),
            "0x0001 2026-01-01T00:00:00UTC 2031-01-01T00:00:00UTC /CN=a\nnonsense\n");
        await File.WriteAllTextAsync(Path.Combine(source, "ca_crl.pem"), "");
        (await overture.Run("ca", "import", source, "--home", home.Path)).Exit(2).Says("inventory.txt:2: ")
            .Says("ca_crl.pem: holds no CRL of CN=Puppet CA");
        Assert.False(Directory.Exists(home.File("ca")));
        (await overture.Run("ca", "import", home.File("nowhere"), "--home", home.Path)).Exit(2).Says("there is no directory");
    }

    [Fact]
    public async Task CaAdminCert_Minted_IsAnSsldirWithItsConfig()
    {
        var directory = home.File("admin");
        var told = (await overture.Run("ca", "admin-cert", "--certname", "ops.example.com", "--reason", "the jump host", "--life", "12h",
            "--ssldir", directory, "--ca-port", "8140", "-o", "json")).Exit(0)
            .Says($"next: puppetserver ca list --config {directory}/puppet.conf").Json();

        var asked = overture.CertAuthority.Admins.Single(a => a.Certname == "ops.example.com");
        Assert.Equal(("the jump host", 12 * 3600L), (asked.Reason, asked.Life.Seconds));
        Assert.Equal($"{directory}/puppet.conf", told["config"].Text());
        Assert.Equal(["[main]", "certname = ops.example.com", $"ssldir = {directory}", "ca_server = localhost", "ca_port = 8140"],
            (await File.ReadAllLinesAsync($"{directory}/puppet.conf")).Skip(1));
        Assert.Equal(("a certificate\n", "a bundle\n", "a list\n"), (await File.ReadAllTextAsync($"{directory}/certs/ops.example.com.pem"),
            await File.ReadAllTextAsync($"{directory}/certs/ca.pem"), await File.ReadAllTextAsync($"{directory}/crl.pem")));
        var key = $"{directory}/private_keys/ops.example.com.pem";
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
        using var ec = ECDsa.Create();
        ec.ImportFromPem(await File.ReadAllTextAsync(key));
        Assert.Equal(ec.ExportSubjectPublicKeyInfo(),
            CertificateRequest.LoadSigningRequestPem(asked.CsrPem, HashAlgorithmName.SHA256).PublicKey.ExportSubjectPublicKeyInfo());
    }

    [Fact]
    public async Task CaAdminCert_Refused_WritesNothing()
    {
        var directory = home.File("admin");
        (await overture.Run("ca", "admin-cert", "--certname", "node.example.com", "--reason", "x", "--ssldir", directory)).Exit(6)
            .Says("NAME_TAKEN");
        Assert.False(Directory.Exists(directory));
        (await overture.Run("ca", "admin-cert", "--certname", "a", "--reason", "x", "--life", "long")).Exit(2)
            .Says("'long' is not a duration");
        (await overture.Run("ca", "admin-cert", "--certname", "a", "--reason", "x", "--ssldir", home.File("a b"))).Exit(2)
            .Says("white space");
        await File.WriteAllTextAsync(home.File("puppet.conf"), "[main]\n");
        (await overture.Run("ca", "admin-cert", "--certname", "a", "--reason", "x", "--ssldir", home.Path)).Exit(2)
            .Says("was not written by overture");
    }

    private Task<string> Setup() => PuppetserverCadir.Make(home);
}
