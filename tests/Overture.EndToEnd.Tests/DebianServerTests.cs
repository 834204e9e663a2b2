using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// A real puppetserver 8.7 in Debian's own layout, that keeps its CA and asks overture-autosign: the packaged service as the module
/// configures it. `eng/full.sh e2e` alone runs it, since ./test has no time for one more puppetserver.
/// </summary>
[Collection(nameof(DebianServerCollection))]
[Trait("Category", "full")]
public sealed class DebianServerTests
{
    private const int Offset = 23000;
    private const string Name = "puppet.debian.example.org", Hook = "/usr/local/bin/overture-autosign";
    private OvertureHome home = null!;
    private RootedHost host = null!;

    [Fact]
    public async Task Server_WithItsOwnCaInDebiansLayout_SignsByTheHookAndNothingOnceThatIsInert()
    {
        await using var services = await OvertureHome.Start(Offset);
        await using var rooted = await RootedHost.Start(await RootFileSystem.Get("trixie-server"));
        (home, host) = (services, rooted);
        host.SearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        await Place();

        // 1. the packaged service, twice the same
        Assert.Equal(2, (await Apply()).ExitCode);
        Assert.Equal(0, (await Apply()).ExitCode);
        await Eventually.True(async () => await host.Says("/run/puppetserver/restart", "1")
            && (await host.Run("curl", "-sk", "--noproxy", "*", $"https://localhost:{Port}/status/v1/simple/ca"))
            .Output == "running", "the puppetserver and its CA run", TimeSpan.FromMinutes(4));
        // 2. its own CA signs whom CertAuthority lets in, and overture-enc says what the node is
        (await host.Run("overture", "hook", "check")).Ok();
        const string node = "node.debian.example.org";
        var ran = await Agent(node, await home.Register("start_instance.yaml", node, AioServer.Defined));
        Assert.True(ran.ExitCode == 2, ran.Output + ran.Errors);
        Assert.Equal("0777", await host.Read($"/var/tmp/{node}"));
        Assert.Equal(1, (await Agent("stranger.debian.example.org", null)).ExitCode);
        // 3. a file mode that makes the hook a list of names: reported, and no one is signed
        (await host.Run("chmod", "0644", Hook)).Ok();
        var check = await host.Run("overture", "hook", "check", "-o", "json");
        Assert.Equal(1, check.ExitCode);
        var autosign = JsonNode.Parse(check.Output)!["checks"]![0]!;
        Assert.Equal("fail", autosign["status"]!.GetValue<string>());
        Assert.Contains("so nothing is signed", autosign["detail"]!.GetValue<string>(), StringComparison.Ordinal);
        const string late = "late.debian.example.org";
        Assert.Equal(1, (await Agent(late, await home.Register("start_instance.yaml", late, AioServer.Defined))).ExitCode);
        foreach (var unsigned in new[] { late, "stranger.debian.example.org" })
            Assert.True((await host.Run("test", "-e", $"/etc/puppet/puppetserver/ca/requests/{unsigned}.pem")).ExitCode == 0, unsigned);
    }

    private static int Port => 8140 + Offset;

    private async Task Place()
    {
        foreach (var script in new[] { "debian-server.sh", "systemctl.sh" })
            await host.Copy(RepositoryPaths.File($"tests/Overture.EndToEnd.Tests/servers/{script}"), "/mnt");
        (await host.Sh("mkdir /mnt/modules; install -m 755 /mnt/systemctl.sh /usr/local/sbin/systemctl")).Ok();
        await host.Write("/etc/puppetserver-command", "/mnt/debian-server.sh\n");
        await host.Copy(RepositoryPaths.File("deploy/puppet/overture"), "/mnt/modules");
        await host.Write("/etc/puppet/code/environments/production/modules/field/manifests/init.pp",
            "class field(String $text) {\n  file { \"/var/tmp/${trusted['certname']}\": content => $text }\n}\n");
        await host.Copy(OvertureHome.Binary, "/usr/local/bin/overture");
        (await host.Run("overture", "hook", "install", Hook)).Ok();
        (await host.Run("ln", "-s", "/usr/local/bin/overture", "/usr/local/bin/overture-enc")).Ok();
        foreach (var file in new[] { "enc.pem", "enc.key", "autosign.pem", "autosign.key", "ca.pem" })
            await host.Write($"/etc/overture/{file}", await File.ReadAllTextAsync(home.Path($"pki/{file}")), "0640", "root:puppet");
        await host.Write("/etc/overture/hooks.yaml",
            $"classifier: localhost:{home.Port(7003)}\ncertAuthority: localhost:{home.Port(7002)}\n"
            + "tls: { certificate: enc.pem, key: enc.key, roots: ca.pem }\nautosignTls: { certificate: autosign.pem, key: autosign.key }\n",
            "0640", "root:puppet");
    }

    private Task<Ran> Apply() => host.Run(["puppet", "apply", "--detailed-exitcodes", "--color", "false", "--modulepath", "/mnt/modules",
        "-e", $"class {{ 'overture::puppetserver': certname => '{Name}', ca => stock, dns_alt_names => ['localhost'], autosign => '{Hook}', "
            + $"listen => '127.0.0.1', port => {Port}, enc_command => '/usr/local/bin/overture-enc', "
            + $"report_url => 'https://localhost:{home.Port(8142)}/reports' }}"], null);

    private async Task<Ran> Agent(string name, string? token)
    {
        var at = $"/var/agents/{name}";
        if (token is not null)
            await host.Write($"{at}/c/csr_attributes.yaml", $"custom_attributes:\n  1.2.840.113549.1.9.7: \"{token}\"\n", "0600");
        return await host.Run(["puppet", "agent", "--test", "--color", "false", "--certname", name, "--confdir", $"{at}/c", "--vardir",
            $"{at}/v", "--ssldir", $"{at}/s", "--publicdir", $"{at}/v/public", "--rundir", $"{at}/r", "--logdir", $"{at}/l", "--server",
            "localhost", "--serverport", $"{Port}", "--ca_server", "localhost", "--ca_port", $"{Port}", "--keylength", "2048",
            "--waitforcert", "0"], null);
    }
}

/// <summary>Alone: a puppetserver that starts leaves no processor to anyone.</summary>
[CollectionDefinition(nameof(DebianServerCollection), DisableParallelization = true)]
public sealed class DebianServerCollection;
