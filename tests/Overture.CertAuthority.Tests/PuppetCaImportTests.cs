using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Issuance;
using Overture.Cli.Pki;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>`overture ca import` without the command line: what is read, refused and written.</summary>
[Trait("Category", "integration")]
public sealed class PuppetCaImportTests : IDisposable
{
    private readonly TempDirectory home = new();

    private string Ca => home.File("ca");

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task Import_RealSetup_IsOursByteForByteAndTheSourceUntouched()
    {
        using var old = await OldCa.BySetup();
        await old.Sign("web.example.org", 0xAB);
        await old.Revoke(0xAB);
        Directory.CreateDirectory(old.File("requests"));
        await File.WriteAllTextAsync(old.File("requests/waits.pem"), "a request");
        var before = Bytes(old.Path);

        var import = Import(old);

        Assert.Equal(before, Bytes(old.Path));
        Assert.Equal(("Puppet CA: puppet.example.org", false, "RSA 2048", 1, 2, 1),
            (import.Ca.GetNameInfo(X509NameType.SimpleName, false), import.IsItsOwnRoot, import.KeyText, import.Revoked, import.Certificates!.Signed.Count, import.Certificates.Pending));
        Assert.Equal(await File.ReadAllBytesAsync(old.File("ca_crt.pem")), await File.ReadAllBytesAsync(Path.Combine(Ca, "ca_crt.pem")));
        Assert.Equal(old.Text("inventory.txt"), await File.ReadAllTextAsync(Path.Combine(Ca, "imported/inventory.txt")));
        Assert.StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----", await File.ReadAllTextAsync(Path.Combine(Ca, "ca_key.pem")), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(Ca, "ca_key.pem")));
        Assert.Empty(CaFiles.Problems(Ca));
        CaSigner.Open(Ca).Dispose();
        Assert.Empty(new PuppetCaInit(Ca, TimeProvider.System).Init("anew"));
    }

    [Theory]
    [InlineData(null, "RSA 2048"), InlineData("prime256v1", "EC 256"), InlineData("secp384r1", "EC 384")]
    public async Task Import_OneSelfSignedCa_NeedsNoParents(string? curve, string key)
    {
        using var old = await OldCa.SelfSigned(curve);
        var import = Import(old);
        Assert.Equal((true, key), (import.IsItsOwnRoot, import.KeyText));
        Assert.False(File.Exists(Path.Combine(Ca, "root_crl.pem")));
        using var signer = CaSigner.Open(Ca);
        Assert.Equal("", signer.Ca.ParentCrls);
    }

    [Fact]
    public async Task Import_Pkcs8KeyAndRootFirst_IsPutInOrder()
    {
        using var old = await OldCa.BySetup();
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(old.Text("ca_crt.pem"));
        await File.WriteAllTextAsync(old.File("ca_crt.pem"), $"the root\n{chain[1].ExportCertificatePem()}\n{chain[0].ExportCertificatePem()}\n");
        using var key = RSA.Create();
        key.ImportFromPem(old.Text("ca_key.pem"));
        await File.WriteAllTextAsync(old.File("ca_key.pem"), key.ExportPkcs8PrivateKeyPem());
        var lists = CrlPem.Split(old.Text("ca_crl.pem"));
        await File.WriteAllTextAsync(old.File("ca_crl.pem"), CrlPem.Write(lists[1]) + CrlPem.Write(lists[0]));

        Import(old);

        using var signer = CaSigner.Open(Ca);
        Assert.StartsWith("CN=Puppet CA: ", signer.Ca.Issuer.Subject, StringComparison.Ordinal);
        Assert.Equal(lists, CrlPem.Split(await File.ReadAllTextAsync(Path.Combine(Ca, "imported/ca_crl.pem"))));
    }

    [Fact]
    public async Task Import_ManyThingsWrong_AreToldAtOnceAndNothingIsWritten()
    {
        using var old = await OldCa.BySetup();
        using var other = await OldCa.SelfSigned();
        File.Copy(other.File("ca_key.pem"), old.File("ca_key.pem"), overwrite: true);
        await File.AppendAllTextAsync(old.File("ca_crt.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        await File.WriteAllTextAsync(old.File("inventory.txt"), "0x0001 2026-01-01T00:00:00UTC 2031-01-01T00:00:00UTC /CN=good\n0xZZ yesterday\n");

        var found = PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems.Select(p => p.Where).ToList();

        Assert.Contains("inventory.txt:2", found);
        Assert.Contains(found, p => p.StartsWith("ca_crt.pem:", StringComparison.Ordinal));
        Assert.DoesNotContain("inventory.txt:1", found);
    }

    [Fact]
    public async Task Import_ForeignKeyOrList_IsRefused()
    {
        using var old = await OldCa.BySetup();
        using var other = await OldCa.SelfSigned();
        var list = old.Text("ca_crl.pem");
        File.Copy(other.File("ca_crl.pem"), old.File("ca_crl.pem"), overwrite: true);
        var problems = PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems;
        Assert.Contains(problems, p => p.Where == "ca_crl.pem:1" && p.What.Contains("none of the CAs", StringComparison.Ordinal));
        Assert.Equal(2, problems.Count(p => p.What.StartsWith("holds no list of", StringComparison.Ordinal)));

        await File.WriteAllTextAsync(old.File("ca_crl.pem"), list);
        File.Copy(other.File("ca_key.pem"), old.File("ca_key.pem"), overwrite: true);
        Assert.Contains("is the key of no certificate", Assert.Single(PuppetCaImport.Read(old.Path, TimeProvider.System).Findings.Problems).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_ExpiredList_IsAWarning()
    {
        using var old = await OldCa.SelfSigned();
        await old.Publish(days: 0);
        var import = Import(old);
        Assert.Contains("expired on 2026-02-01", Assert.Single(import.Findings.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_UnusableCertificates_AreSkippedEachWithItsReason()
    {
        using var old = await OldCa.SelfSigned();
        using var other = await OldCa.SelfSigned();
        await other.Sign("foreign", 2);
        await old.Sign("good", 2);
        File.Copy(other.File("signed/foreign.pem"), old.File("signed/foreign.pem"));
        File.Copy(old.File("signed/good.pem"), old.File("signed/renamed.pem"));
        await File.WriteAllTextAsync(old.File("signed/torn.pem"), "-----BEGIN CERTIFICATE-----\nMIIC");

        var import = Import(old);

        Assert.Equal([("signed/foreign.pem", "is not signed by this CA"), ("signed/renamed.pem", "is a certificate of another name than the file's"), ("signed/torn.pem", "is not one certificate in PEM")], import.Findings.Skipped);
        Assert.Equal(["good.pem"], import.Certificates!.Signed.Select(s => s.File));
    }

    [Fact]
    public async Task Import_IntoACa_IsRefusedAndLeavesIt()
    {
        using var old = await OldCa.SelfSigned();
        new PuppetCaInit(Ca, TimeProvider.System).Init("mine", 2048);
        var before = Bytes(Ca);
        Assert.Throws<InvalidOperationException>(() => Import(old));
        Assert.Equal(before, Bytes(Ca));
    }

    private PuppetCaImport Import(OldCa old)
    {
        var import = PuppetCaImport.Read(old.Path, TimeProvider.System);
        Assert.Empty(import.Findings.Problems);
        import.Write(Ca);
        return import;
    }

    private static Dictionary<string, string> Bytes(string directory) =>
        Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).ToDictionary(f => f, f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f))) + File.GetLastWriteTimeUtc(f).Ticks);
}
