using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>A real puppetserver 8.7 in the layout of the all-in-one packages, and real agents 8.10.</summary>
[Collection(nameof(AioServerCollection))]
[Trait("Category", "e2e")]
public sealed class AioServerTests(AioServer server)
{
    [Fact]
    public async Task Module_PackagedService_IsConfiguredEnabledAndRestartedOnlyWhenSomethingChanged()
    {
        // 2: something changed; 0: nothing to do.
        Assert.Equal([2, 0, 2, 0, 2], server.Applied.Select(a => a.ExitCode));
        var asked = (await server.Host.Read("/var/log/systemctl.log")).Split('\n');
        foreach (var unit in new[] { "puppetserver", "overture-crl-refresh" })
        {
            Assert.Contains($"enable {unit}", asked);
            Assert.Equal(1, asked.Count(l => l == $"start {unit}"));
        }
        Assert.Equal(1, await server.Restarts());
        // What is the package's stays; the CA's service is off, and nothing is asked of the Internet.
        Assert.Contains("puppetlabs catalog", (await server.Conf("conf.d/auth.conf")).Replace("v3 ", "", StringComparison.Ordinal),
            StringComparison.Ordinal);
        Assert.Contains("vardir = /opt/puppetlabs/server/data/puppetserver", await server.Host.Read("/etc/puppetlabs/puppet/puppet.conf"),
            StringComparison.Ordinal);
        Assert.DoesNotContain("dujour", await server.Log(), StringComparison.Ordinal);
        Assert.Equal("404", (await server.Curl("/puppet-ca/v1/certificate/ca", "-o", "/dev/null", "-w", "%{http_code}")).Output);
    }

    [Fact]
    public async Task Agent_ByTheHook_Converged()
    {
        Assert.True(server.HookRun.ExitCode == 2, server.HookRun.Output + server.HookRun.Errors);
        Assert.Equal("0777", await server.Host.Read($"/var/tmp/{AioServer.ByHook}"));
        await Converges(AioServer.ByHook);
        var (agent, own) = (await VersionOf("puppet-agent"), await VersionOf("puppetserver"));
        Matrix.Ran($"all-in-one layout: {agent}", $"puppetserver {own}, all-in-one layout", "Debian GNU/Linux 13 (trixie)", "files",
            "registered to converged, by the ENC hook", nameof(AioServerTests));

        async Task<string> VersionOf(string package) =>
            (await server.Host.Run("dpkg-query", "-W", "-f", "${source:Upstream-Version}", package)).Ok();
    }

    [Fact]
    public async Task Agent_ByTheNativeTerminus_ConvergesAndIsShutOutOnceRevoked()
    {
        const string name = "native.aio.example.org";
        var ran = await server.Agent(name, await server.Home.Register("start_instance.yaml", name, AioServer.Defined));
        Assert.True(ran.ExitCode == 2, ran.Output + ran.Errors);
        Assert.Equal("0777", await server.Host.Read($"/var/tmp/{name}"));
        await Converges(name);

        string[] own = ["--cert", $"/var/agents/{name}/s/certs/{name}.pem", "--key", $"/var/agents/{name}/s/private_keys/{name}.pem",
            "-o", "/dev/null", "-w", "%{http_code}"];
        Assert.Equal("200", (await server.Curl("/puppet/v3/environments", own)).Output);
        await server.Home.Overture("certificate", "revoke", name, "--reason", "a test");
        // No restart: the list is refreshed, and the server reads it again.
        await Eventually.True(async () => (await server.Curl("/puppet/v3/environments", own)).Output == "000",
            "the server refuses it in the handshake");
        Assert.Equal(1, (await server.Agent(name)).ExitCode);
    }

    [Fact]
    public async Task NodeCheck_ByTheAuthRule_ReadsWhatTheServerHas()
    {
        var checks = JsonNode.Parse((await server.Home.Try("node", "check", AioServer.ByHook, "-o", "json")).Output)!;
        Assert.Equal("production", checks["environment"]!.GetValue<string>());
        Assert.Empty(checks["problems"]?.AsArray() ?? []);
    }

    [Fact]
    public async Task PuppetserverCa_ListSignGenerateRevokeClean_AgainstCertAuthority()
    {
        // 1. an administrator, as docs/operations.md has it
        await server.Home.Overture("ca", "admin-cert", "--certname", "ops.aio.example.org", "--reason", "a test", "--ssldir",
            server.Home.Path("ops"), "--ca-server", "localhost", "--ca-port", $"{AioServer.Port(8141)}");
        await server.Host.Copy(server.Home.Path("ops"), "/root/ca-ssl");
        await server.Host.Write("/root/ca/puppet.conf", "[main]\ncertname = ops.aio.example.org\nssldir = /root/ca-ssl\n"
            + $"ca_server = localhost\nca_port = {AioServer.Port(8141)}\ncadir = /root/ca/none\nkeylength = 2048\n");
        // 2. one request that waits, one that is generated
        const string waits = "waits.aio.example.org", generated = "generated.aio.example.org";
        Assert.Equal(1, (await server.Agent(waits, null, "--waitforcert", "0")).ExitCode);
        Assert.Contains(waits, (await server.Ca("list")).Ok(), StringComparison.Ordinal);
        await File.WriteAllTextAsync(server.Home.Path("any.yaml"), "classes: {}\n");
        foreach (var name in new[] { waits, generated })
            await server.Home.Overture("node", "set", name, "--unregistered", "-f", server.Home.Path("any.yaml"), "--reason", "a test");
        // 3. by the bulk route, which it takes for a server of 8.4 and later
        Assert.Contains($"Successfully signed the following certificate request", (await server.Ca("sign", "--certname", waits)).Ok(),
            StringComparison.Ordinal);
        (await server.Ca("generate", "--certname", generated)).Ok();
        var all = JsonNode.Parse((await server.Ca("list", "--all", "--format", "json")).Ok())!;
        Assert.Superset(new HashSet<string> { waits, generated }, Names(all, "signed"));
        // 4. and away with them
        (await server.Ca("revoke", "--certname", waits)).Ok();
        Assert.Contains(waits, Names(JsonNode.Parse((await server.Ca("list", "--all", "--format", "json")).Ok())!, "revoked"));
        (await server.Ca("clean", "--certname", generated)).Ok();
        Assert.DoesNotContain(generated, (await server.Ca("list", "--all")).Ok(), StringComparison.Ordinal);

        static HashSet<string> Names(JsonNode all, string group) => [.. all[group]!.AsArray().Select(e => e!["name"]!.GetValue<string>())];
    }

    private Task Converges(string name) => Eventually.True(async () => await server.Home.State(name) == "CONVERGED",
        $"the report of {name} arrived");
}
