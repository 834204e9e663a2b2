using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>
/// overture doctor --puppetserver: a healthy one has no warning, and each thing that is broken has its line with the cure.
/// </summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class PuppetserverDoctorTests : IDisposable
{
    private const string Conf = "[main]\ncertname = puppet.example.com\n[server]\n"
        + "autosign = $D/hooks/overture-autosign\nnode_terminus = exec\n"
        + "external_nodes = $D/hooks/overture-enc\nreports = http\nreporturl = https://c.example.com:8142/reports\n";

    private readonly OvertureFixture overture;
    private readonly TempDirectory home = new();
    private readonly ECDsa key = CsrBuilder.EcKey();

    public PuppetserverDoctorTests(OvertureFixture overture)
    {
        this.overture = overture;
        File.SetUnixFileMode(home.Path, (UnixFileMode)0b111_101_101);
        foreach (var folder in new[] { "hooks", "ssl/certs", "puppetserver/conf.d" })
            Directory.CreateDirectory(home.File(folder));
        File.WriteAllText(home.File("puppet.conf"), Conf.Replace("$D", home.Path, StringComparison.Ordinal));
        File.WriteAllText(home.File("hooks/overture-autosign"), "#!/bin/true autosign-hook\n# a script\n");
        File.WriteAllText(home.File("hooks/overture-enc"), "#!/bin/true\n");
        foreach (var hook in Directory.GetFiles(home.File("hooks")))
            File.SetUnixFileMode(hook, (UnixFileMode)0b111_101_101);
        File.WriteAllText(home.File("puppetserver/conf.d/webserver.conf"),
            "# ssl-cert: of a comment\nwebserver: {\n    ssl-port: 8140\n}\n");
        File.WriteAllText(home.File("hooks/hooks.yaml"), "classifier: localhost:1\ncertAuthority: localhost:1\n"
            + "tls: { certificate: enc.pem, key: enc.key, roots: ca.pem }\n");
        foreach (var (from, to) in new[] { ("enc.pem", "enc.pem"), ("enc.key", "enc.key"), ("ca.pem", "ca.pem") })
            File.Copy(Path.Combine(overture.Pki.Home, "pki", from), home.File($"hooks/{to}"));
        Shell.Run("sh", ["-euc", "cd hooks; chmod 644 hooks.yaml *.pem; chgrp nogroup enc.key; chmod 640 enc.key"], null,
            directory: home.Path).GetAwaiter().GetResult().Ok();
        Certificate("ca.pem", -1, 3650);
        Certificate("puppet.example.com.pem", -1, 365);
        Crl(age: 1, left: 29);
    }

    public void Dispose()
    {
        key.Dispose();
        home.Dispose();
    }

    [Fact]
    public async Task Doctor_HealthyPuppetserver_HasNoWarning()
    {
        var checks = (await Doctor()).Exit(0).Json()["checks"]!.AsArray();
        Assert.Equal(["autosign ok", "external_nodes ok", "reports ok", "hooks.yaml ok", "enc key ok", "enc certificate ok", "enc roots ok",
                "webserver.conf ok", "certificate ok", "ca bundle ok", "crl ok"],
            checks.Select(c => $"{c!["check"].Text()} {c["status"].Text()}"));
        Assert.All(checks, c => Assert.Equal("puppetserver", c!["area"].Text()));
    }

    // The all-in-one packages' own: puppetserver's folder is beside Puppet's.
    [Fact]
    public async Task Doctor_AllInOneLayout_IsFoundBesideTheConfdir()
    {
        Directory.CreateDirectory(home.File("puppet"));
        foreach (var part in new[] { "puppet.conf", "ssl" })
            Directory.Move(home.File(part), home.File($"puppet/{part}"));
        await File.WriteAllTextAsync(home.File("puppetserver/conf.d/webserver.conf"), "webserver: { ssl-cert: /x, ssl-key: /y }\n");
        var ran = (await Doctor(home.File("puppet"))).Exit(1);
        var broken = ran.Json()["checks"]!.AsArray().Single(c => c!["status"].Text() != "ok")!;
        Assert.Equal("webserver.conf", broken["check"].Text());
    }

    [Theory]
    [InlineData("chmod 644 hooks/overture-enc", "external_nodes", "fail", "may not execute", "chmod 0755")]
    [InlineData("sed -i 's/http$/store/' puppet.conf", "reports", "fail", "are not forwarded", "reports = http")]
    [InlineData("echo 'webserver: { ssl-cert: /x }' > puppetserver/conf.d/webserver.conf", "webserver.conf", "fail",
        "revoked agents are let in",
        "take the ssl-* settings out")]
    [InlineData("echo 'webserver: { ssl-crl-path: /x }' > puppetserver/conf.d/webserver.conf", "webserver.conf", "warn",
        "after a restart alone",
        "take the ssl-* settings out")]
    [InlineData("rm hooks/hooks.yaml", "hooks.yaml", "fail", "there is no ", "OVERTURE_HOOKS_CONFIG")]
    [InlineData("chmod 666 hooks/hooks.yaml", "hooks.yaml", "fail", "others may write", "chmod go-w")]
    [InlineData("chown 12345 hooks/hooks.yaml", "hooks.yaml", "fail", "belongs to uid 12345", "chown root")]
    [InlineData("chmod 600 hooks/hooks.yaml", "hooks.yaml", "fail", "user nobody may not read", "chgrp nobody")]
    [InlineData("echo 'tls: {}' > hooks/hooks.yaml", "hooks.yaml", "fail", "tls must name", "docs/cli.md")]
    [InlineData("chmod 644 hooks/enc.key", "enc key", "fail", "others may read", "chmod g-w,o-rwx")]
    [InlineData("chmod 600 hooks/enc.key", "enc key", "fail", "user nobody may not read", "chgrp nobody")]
    [InlineData("rm hooks/enc.key", "enc key", "fail", "there is no ", "overture pki init")]
    [InlineData("echo x > hooks/enc.pem", "enc certificate", "fail", "holds no certificate", "overture pki init")]
    [InlineData("rm hooks/ca.pem", "enc roots", "fail", "there is no ", "overture pki init")]
    [InlineData("sed -i 's/^autosign.*/autosign = false/; s/= exec/= plain/' puppet.conf", "hooks.yaml", "skip", "no hook reads it", "")]
    [InlineData("rm puppetserver/conf.d/webserver.conf", "webserver.conf", "skip", "there is none", "")]
    [InlineData("rm ssl/certs/puppet.example.com.pem", "certificate", "fail", "can't be read", "puppet ssl bootstrap")]
    [InlineData("echo x > ssl/certs/ca.pem", "ca bundle", "fail", "holds no certificate", "overture ca export")]
    [InlineData("rm ssl/crl.pem", "crl", "fail", "can't be read", "overture-crl-refresh")]
    [InlineData("echo x > ssl/crl.pem", "crl", "fail", "holds no list", "overture-crl-refresh")]
    public async Task Doctor_BrokenPart_HasItsLineAndTheCure(string harm, string check, string status, string said, string next)
    {
        (await Shell.Run("sh", ["-euc", harm], null, directory: home.Path)).Ok();
        await Shows(check, status, said, next);
    }

    [Theory]
    [InlineData(9, 20, "warn", "216 hours old", "overture-crl-refresh")]
    [InlineData(31, -1, "fail", "every agent is refused", "overture-crl-refresh")]
    public async Task Doctor_OldCrl_HasItsLine(int age, int left, string status, string said, string next)
    {
        Crl(age, left);
        await Shows("crl", status, said, next);
    }

    [Theory]
    [InlineData(-300, 20, "warn", "is valid until")]
    [InlineData(-300, -1, "fail", "ended on")]
    public async Task Doctor_CertificateThatEnds_HasItsLine(int from, int until, string status, string said)
    {
        Certificate("puppet.example.com.pem", from, until);
        await Shows("certificate", status, said, "puppet ssl bootstrap");
    }

    private async Task Shows(string check, string status, string said, string next)
    {
        var ran = await Doctor();
        Assert.True(ran.ExitCode == 1 || status != "fail", ran.Errors);
        var found = ran.Json()["checks"]!.AsArray().Single(c => c!["check"].Text() == check)!;
        Assert.Equal(status, found["status"].Text());
        Assert.Contains(said, found["detail"].Text(), StringComparison.Ordinal);
        Assert.Contains(next, found["next"].Text(), StringComparison.Ordinal);
    }

    private Task<Ran> Doctor(string? confdir = null) => overture.Run(
        ["doctor", "--puppetserver", "--confdir", confdir ?? home.Path, "--user", "nobody", "-o", "json"],
        new Dictionary<string, string?> { ["OVERTURE_HOOKS_CONFIG"] = home.File("hooks/hooks.yaml") });

    // Days from now.
    private void Certificate(string name, int from, int until)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var made = Request(name).CreateSelfSigned(now.AddDays(from), now.AddDays(until));
        File.WriteAllText(home.File($"ssl/certs/{name}"), made.ExportCertificatePem());
    }

    private void Crl(int age, int left)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var ca = Request("ca.pem").CreateSelfSigned(now.AddYears(-1), now.AddYears(1));
        var list = new CertificateRevocationListBuilder().Build(ca, 1, now.AddDays(left), HashAlgorithmName.SHA256,
            thisUpdate: now.AddDays(-age));
        File.WriteAllText(home.File("ssl/crl.pem"), PemEncoding.WriteString("X509 CRL", list));
    }

    private CertificateRequest Request(string name)
    {
        var request = new CertificateRequest($"CN={name[..^4]}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }
}
