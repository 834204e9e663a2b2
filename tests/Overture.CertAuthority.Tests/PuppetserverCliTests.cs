using System.Security.Cryptography;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>puppetserver's own command line, whose requests say version 2 (puppet-contracts §0.2).</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class PuppetserverCliTests(CaHouse house)
{
    [Fact]
    public async Task CaGenerate_RequestOfVersionTwo_IsUnderstood()
    {
        using var host = new TempDirectory();
        var admin = await house.Launch();
        using var key = RSA.Create(2048);
        (await house.Ca.Put(admin, key)).Dispose();
        foreach (var (file, text) in new[]
        {
            ("ssl/certs/ca.pem", await File.ReadAllTextAsync(house.BundleFile)),
            ("ssl/crl.pem", (await house.Ca.Admin.GetCrlAsync(new())).CrlPem),
            ($"ssl/certs/{admin.Name}.pem", (await house.Ca.Certificate(admin.Name))!),
            ($"ssl/private_keys/{admin.Name}.pem", key.ExportPkcs8PrivateKeyPem()),
            ("puppet.conf", $"[main]\ncertname = {admin.Name}\nssldir = {host.File("ssl")}\ncadir = {host.File("ca")}\nca_server = localhost\nca_port = {house.Ca.ApiPort}\nkeylength = 2048\n"),
        })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(host.File(file))!);
            await File.WriteAllTextAsync(host.File(file), text);
        }

        // It goes on to ask for the signing, which is for a later issue; the request itself got in.
        var (_, output) = await Tool.Run("puppetserver", "ca", "generate", "--certname", "generated.example.org", "--config", host.File("puppet.conf"));

        var held = await house.All<HeldRequest>(ObjectKeys.HeldRequestsOf(CertName.Parse("generated.example.org")));
        Assert.True(held.Count == 1, output);
        Assert.Equal(["generated.example.org"], held[0].RequestedDnsNames);
    }
}
