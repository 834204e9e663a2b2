using Overture.Conductor.Terminate;
using Overture.Platform.Faults;
using Overture.Platform.Options;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Options from a file, all errors at once.</summary>
public sealed class OptionsTests : IDisposable
{
    private readonly ConductorFixture world = new();

    [Fact]
    public void Load_DocumentedExample_IsRead()
    {
        var file = world.Data.File("conductor.yaml");
        File.WriteAllText(file, $$"""
            bucket: "file:{{world.Data.File("objects")}}"
            tls: { certificate: "{{world.Pki.Files("conductor").Certificate}}", key: "{{world.Pki.Files("conductor").Key}}", roots: "{{world.Pki.Files("conductor").Roots}}" }
            registry: { endpoint: "127.0.0.1:6379" }
            launch: { signingKey: "{{world.Pki.LaunchSigningKey}}", tokenKey: "{{world.Pki.LaunchTokenKey}}", caBundle: "{{world.Ca.BundleFile}}" }
            local: { directory: /var/lib/overture/instances, hide: [/etc/overture, /var/lib/overture] }
            reports: { listen: "0.0.0.0:8142", dnsNames: [reports.example.com], caServer: ca.example.com, caPort: 8141, maxBytes: 1048576 }
            puppetDb: { url: "https://puppetdb.example.com:8081" }

            """);
        var options = OptionsFile.Load<ConductorOptions>("conductor", file);
        Assert.Equal(("127.0.0.1:7001", "/var/lib/overture/conductor"), (options.Listen, options.StateDirectory));
        Assert.Equal(["/etc/overture", "/var/lib/overture"], options.Local.Hide);
        Assert.Equal(["reports.example.com"], options.Reports.Names);
        Assert.Equal(1 << 20, options.Reports.MaxBytes);
        Assert.Equal("https://puppetdb.example.com:8081", options.PuppetDb.Url);
        Assert.True(File.Exists(options.Local.Script));
    }

    [Fact]
    public void Load_EverythingWrong_NamesEachKey()
    {
        var file = world.Data.File("conductor.yaml");
        File.WriteAllText(file, """
            bucket: s3://x
            registry: { endpoint: nowhere }
            launch: { signingKey: /none, tokenKey: "", caBundle: /none, trustedKeys: /none }
            local: { directory: relative, script: /none, images: also/relative, hide: [also/relative] }
            reports: { listen: nowhere, dnsNames: ["a b"], caServer: "", caPort: 0, maxBytes: 1 }
            puppetDb: { url: "http://puppetdb:8080", certificate: /none, key: "", roots: /none }

            """);
        var problems = Assert.Throws<FaultException>(() => OptionsFile.Load<ConductorOptions>("conductor", file))
            .Fields.Select(f => f.Field).ToHashSet();
        Assert.Superset(new HashSet<string>
        {
            "bucket", "tls.certificate", "tls.key", "tls.roots", "registry.endpoint", "launch.signingKey", "launch.tokenKey",
            "launch.caBundle", "launch.trustedKeys",
            "local.directory", "local.script", "local.images", "local.hide", "reports.listen", "reports.dnsNames", "reports.caServer",
            "reports.caPort",
            "reports.maxBytes",
            "puppetDb.url", "puppetDb.certificate", "puppetDb.key", "puppetDb.roots",
        }, problems);
    }

    [Theory]
    [InlineData("", "", true, "")]
    [InlineData("", "/some.key", true, "puppetDb.url")]
    [InlineData("https://puppetdb.example.com:8081", "", true, "")]
    [InlineData("https://puppetdb.example.com:8081", "", false, "puppetDb.certificate")]
    [InlineData("https://puppetdb.example.com:8081/pdb", "", true, "puppetDb.url")]
    [InlineData("https://who:secret@puppetdb.example.com", "", true, "puppetDb.url")]
    [InlineData("https://puppetdb.example.com:8081", "/some.key", true, "puppetDb.certificate puppetDb.key puppetDb.roots")]
    public void PuppetDb_SomeOfIt_IsToldByField(string url, string key, bool reports, string fields) =>
        Assert.Equal(fields,
            string.Join(' ', new Terminate.PuppetDbOptions { Url = url, Key = key }.Problems(reports).Select(p => p.Field)));

    [Theory]
    [InlineData("tokenKey", "abcd")]
    [InlineData("tokenKey", "not hex")]
    [InlineData("signingKey", "no key")]
    [InlineData("caBundle", "no certificate")]
    public async Task Start_UnusableSecretOrBundle_IsRefusedWithoutShowingIt(string which, string content)
    {
        var file = world.Data.File("bad");
        await File.WriteAllTextAsync(file, content);
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => ConductorHost.Start(world, null, o => o with
        {
            Launch = which switch { "tokenKey" => o.Launch with { TokenKey = file }, "signingKey" => o.Launch with { SigningKey = file },
                _ => o.Launch with { CaBundle = file } },
        }));
        Assert.Contains($"launch.{which}", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(content, refused.Message, StringComparison.Ordinal);
    }

    public void Dispose() => world.Dispose();
}
