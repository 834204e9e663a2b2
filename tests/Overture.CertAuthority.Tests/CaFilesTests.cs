using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Signing;
using Overture.Cli.Pki;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Making a Puppet CA, and refusing to start with one that is not in order.</summary>
public sealed class CaFilesTests : IDisposable
{
    private readonly TempDirectory home = new();

    private string Ca => home.File("ca");

    public void Dispose() => home.Dispose();

    [Fact]
    public void Init_MakesAllFiles_PrivateAndUsable()
    {
        var written = Make();

        Assert.Equal(5, written.Count);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Ca));
        foreach (var secret in new[] { PuppetCaInit.Key, PuppetCaInit.RootKey, PuppetCaInit.Passphrase })
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Ca, secret)));
        Assert.StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----", Text(PuppetCaInit.Key), StringComparison.Ordinal);
        Assert.True(Text(PuppetCaInit.Passphrase).Trim().Length >= 32);
        Assert.Empty(CaFiles.Problems(Ca));
        using var signer = CaSigner.Open(Ca);
        Assert.StartsWith("CN=Puppet CA: test", signer.Ca.Issuer.Subject, StringComparison.Ordinal);
        Assert.StartsWith("CN=Puppet Root CA: ", signer.Ca.Chain[1].Subject, StringComparison.Ordinal);
        Assert.Equal(signer.Ca.Chain[1].NotAfter, signer.Ca.Issuer.NotAfter);
    }

    [Fact]
    public void Init_Again_LeavesEveryByte()
    {
        Make();
        var before = Directory.EnumerateFiles(Ca).ToDictionary(f => f, File.ReadAllText);
        Assert.Empty(Make());
        Assert.Equal(before, Directory.EnumerateFiles(Ca).ToDictionary(f => f, File.ReadAllText));
    }

    [Theory]
    [InlineData(PuppetCaInit.Key), InlineData(PuppetCaInit.Bundle), InlineData(PuppetCaInit.Passphrase)]
    public void Init_PartOfACa_IsRefusedAndNamed(string file)
    {
        Make();
        File.Delete(Path.Combine(Ca, file));
        var refusal = Assert.Throws<InvalidOperationException>(() => Make());
        Assert.Contains(file, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Init_AfterAKill_BeginsAnew()
    {
        Directory.CreateDirectory(Ca + ".partial-0123");
        File.WriteAllText(Ca + ".partial-0123/ca_key.pem", "half");
        Assert.Equal(5, Make().Count);
        Assert.Equal([Ca], Directory.EnumerateDirectories(home.Path));
    }

    [Fact]
    public void Problems_OpenKeyFile_IsNamed()
    {
        Make();
        File.SetUnixFileMode(Path.Combine(Ca, PuppetCaInit.Key), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.Contains("chmod 600", Assert.Single(CaFiles.Problems(Ca)), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_WrongPassphrase_IsRefused()
    {
        Make();
        File.WriteAllText(Path.Combine(Ca, PuppetCaInit.Passphrase), "wrong");
        Assert.Contains("passphrase", Assert.Throws<InvalidOperationException>(() => CaSigner.Open(Ca)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { PuppetCaInit.Key, PuppetCaInit.Passphrase }, "is not the key")]
    public void Open_FilesOfAnotherCa_AreRefused(string[] files, string why)
    {
        Make();
        new PuppetCaInit(home.File("other"), TimeProvider.System).Init("test", 2048);
        foreach (var file in files)
            File.Copy(Path.Combine(home.File("other"), file), Path.Combine(Ca, file), overwrite: true);
        Assert.Contains(why, Assert.Throws<InvalidOperationException>(() => CaSigner.Open(Ca)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_BundleInTheWrongOrder_IsRefused()
    {
        Make();
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(Text(PuppetCaInit.Bundle));
        File.WriteAllText(Path.Combine(Ca, PuppetCaInit.Bundle), chain[1].ExportCertificatePem() + "\n" + chain[0].ExportCertificatePem());
        Assert.Throws<InvalidOperationException>(() => CaSigner.Open(Ca));
    }

    [Fact]
    public void Problems_OfOptions_AreToldAllAtOnce()
    {
        var fields = new CertAuthorityOptions { LeafLife = TimeSpan.Zero, RenewingLeafLife = TimeSpan.FromDays(60),
            PuppetApi = new() { Listen = "nowhere", DnsNames = ["a b"] } }.Problems().Select(p => p.Field).ToList();
        foreach (var field in new[] { "caDirectory", "launchKeys", "leafLife", "renewingLeafLife", "puppetApi.listen", "puppetApi.dnsNames",
            "listen", "stateDirectory", "tls.key", "registry.endpoint" })
        {
            Assert.Contains(field, fields);
        }
    }

    [Fact, Trait("Category", "integration")]
    public async Task Init_DefaultSize_SatisfiesOpenssl()
    {
        new PuppetCaInit(Ca, TimeProvider.System).Init("host.example.org");

        var verified = await Tool.Run(
            "openssl", "verify", "-x509_strict", "-CAfile", Path.Combine(Ca, PuppetCaInit.Bundle), Path.Combine(Ca, PuppetCaInit.Bundle));
        Assert.True(verified.Exit == 0, verified.Output);
        var key = await Tool.Run("openssl", "pkey", "-in", Path.Combine(Ca, PuppetCaInit.Key), "-passin",
            "file:" + Path.Combine(Ca, PuppetCaInit.Passphrase), "-noout", "-text");
        Assert.Contains("4096 bit", key.Output, StringComparison.Ordinal);
        var shape = await Tool.Run("openssl", "asn1parse", "-in", Path.Combine(Ca, PuppetCaInit.Key));
        foreach (var expected in new[] { "PBES2", "PBKDF2", ":0927C0", "hmacWithSHA256", "aes-256-cbc" })
            Assert.Contains(expected, shape.Output, StringComparison.Ordinal);
        var crl = await Tool.Run("openssl", "crl", "-in", Path.Combine(Ca, PuppetCaInit.RootCrl), "-CAfile",
            Path.Combine(Ca, PuppetCaInit.Bundle), "-verify", "-noout", "-nextupdate");
        Assert.Contains("verify OK", crl.Output, StringComparison.Ordinal);
    }

    private string Text(string file) => File.ReadAllText(Path.Combine(Ca, file));

    private IReadOnlyList<string> Make() => new PuppetCaInit(Ca, TimeProvider.System).Init("test", 2048);
}
