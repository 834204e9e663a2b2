using System.Security.Cryptography;
using System.Text.Json;
using Overture.Platform.Certificates;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>Where an administrator types `puppetserver ca`: Debian's, with a puppet.conf of its own that names the CA.</summary>
public sealed class AdminHost : IDisposable
{
    private readonly TempDirectory home = new();
    private readonly RunningCa ca;

    private AdminHost(RunningCa ca) => this.ca = ca;

    public string File(string path) => home.File(path);

    public static async Task<AdminHost> Create(RunningCa ca)
    {
        var host = new AdminHost(ca);
        using var admin = await ca.Administrator();
        Directory.CreateDirectory(host.File("ssl/certs"));
        Directory.CreateDirectory(host.File("ssl/private_keys"));
        admin.Write(host.File($"ssl/certs/{admin.Name}.pem"), host.File($"ssl/private_keys/{admin.Name}.pem"));
        System.IO.File.Copy(ca.House.BundleFile, host.File("ssl/certs/ca.pem"));
        await System.IO.File.WriteAllTextAsync(host.File("ssl/crl.pem"), (await ca.Admin.GetCrlAsync(new())).CrlPem);
        await System.IO.File.WriteAllTextAsync(host.File("puppet.conf"),
            $"[main]\ncertname = {admin.Name}\nssldir = {host.File("ssl")}\ncadir = {host.File("ca")}\nca_server = localhost\nca_port = "
                + $"{ca.ApiPort}\nkeylength = 2048\n");
        return host;
    }

    /// <summary>`puppetserver ca ARGUMENTS --config …`.</summary>
    public Task<(int Exit, string Output)> Ca(params string[] arguments) =>
        Tool.Run("puppetserver", ["ca", .. arguments, "--config", home.File("puppet.conf")]);

    public async Task<JsonElement> List() => JsonDocument.Parse((await Ca("list", "--all", "--format", "json")).Output).RootElement;

    /// <summary>What an approval demands.</summary>
    public Task Define(string certname) =>
        ca.House.Store.PutIfAbsent(ObjectKeys.Node(CertName.Parse(certname)), "classes: {}\n"u8.ToArray(), default);

    /// <summary>A request that waits; its key.</summary>
    public async Task Submit(string certname, bool defined = true)
    {
        using var key = CsrBuilder.EcKey();
        using var answer = await ca.Put(certname, new CsrBuilder(certname, key).Pem());
        Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}");
        if (defined)
            await Define(certname);
    }

    public void Dispose() => home.Dispose();
}

internal static class PemFiles
{
    /// <summary>As curl and puppetserver's tools want them.</summary>
    public static void Write(this CertifiedClient client, string certificate, string key)
    {
        File.WriteAllText(certificate, client.Certificate.ExportCertificatePem() + "\n");
        using var own = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(client.Certificate)!;
        File.WriteAllText(key, own.ExportECPrivateKeyPem() + "\n");
    }
}
