using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>Instances from launch to end, on real agents and a real puppetserver.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class LifeTests(Stack stack)
{
    [Fact]
    public async Task Launch_Five_AllConvergeAndTerminateLeavesNothing()
    {
        var names = await stack.Launch(5);
        Assert.Equal(5, names.Distinct().Count());
        var serials = new HashSet<string>();
        foreach (var name in names)
        {
            Assert.Equal("INSTANCE_STATE_CONVERGED", await stack.State(name));
            Assert.True(serials.Add((await stack.Json("certificate", "show", name))["serial"]!.GetValue<string>()));
            Assert.Contains("login_allowed", (await stack.Overture("node", "show", name)).Ok(), StringComparison.Ordinal);
            var events = (await stack.Json("instance", "timeline", name))["events"]!.AsArray()
                .Select(e => e!["key"]!.GetValue<string>()).ToList();
            Assert.Contains("signed", events);
            Assert.Contains("classified", events);
            Assert.Contains("converged", events);
        }

        (await stack.Overture(["instance", "terminate", .. names])).Ok();
        var crl = await Crl();
        foreach (var name in names)
        {
            Assert.Equal("INSTANCE_STATE_TERMINATED", await stack.State(name));
            Assert.False(Directory.Exists(Path.Combine(stack.Home, "instances", name)));
            Assert.False(File.Exists(Path.Combine(stack.Home, "objects/nodes", name)));
            Assert.Empty(HostProcesses.With(name));
            Assert.NotEqual(0, (await stack.Overture("node", "show", name)).ExitCode);
        }
        Assert.All(serials, s => Assert.Contains(s.ToUpperInvariant(), crl, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Terminate_NodeWithACertificate_PuppetserverRefusesItWithinTenSeconds()
    {
        using var node = await Registered.Create(stack);
        (await stack.Agent(node.Directory, node.Certname, "ssl", "bootstrap")).Ok();
        Assert.True(await PuppetserverTakes(node), "the puppetserver took the certificate before");

        var watch = Stopwatch.StartNew();
        (await stack.Overture("instance", "terminate", node.Certname)).Ok();
        await Eventually.True(async () => !await PuppetserverTakes(node), "the puppetserver refuses the certificate",
            TimeSpan.FromSeconds(20));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"took {watch.Elapsed}");
    }

    [Fact]
    public async Task Bootstrap_RealAgent_AsksInOrder()
    {
        using var node = await Registered.Create(stack, pinned: false);
        (await stack.Agent(node.Directory, node.Certname, "ssl", "bootstrap", "--waitforcert", "0")).Ok();
        var log = (await File.ReadAllLinesAsync(Path.Combine(stack.Home, "log/ca-access.log"))).Select(l => l.Split('"')[1]).ToList();
        var put = log.FindIndex(l => l.Contains($"PUT /puppet-ca/v1/certificate_request/{node.Certname}", StringComparison.Ordinal));
        Assert.True(put >= 2);
        Assert.Contains("GET /puppet-ca/v1/certificate/ca", log[put - 2], StringComparison.Ordinal);
        Assert.Contains("GET /puppet-ca/v1/certificate_revocation_list/ca", log[put - 1], StringComparison.Ordinal);
        Assert.Contains($"GET /puppet-ca/v1/certificate/{node.Certname}", log[put + 1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("certauthority")]
    [InlineData("conductor")]
    [InlineData("classifier")]
    public async Task Kill9_BetweenRequestAndCertificate_AgentFinishesWithOneCertificate(string service)
    {
        using var node = await Registered.Create(stack);
        using var process = Process.GetProcessById(stack.Pid(service));
        var agent = stack.Agent(node.Directory, node.Certname, "ssl", "bootstrap", "--waitforcert", "2");
        // The claim is written, a RSA signature before the certificate: the service dies now. (KillPointTests stop between any two writes.)
        var claim = Path.Combine(stack.Home, "objects/ca/claims", node.Certname, "1");
        await Task.Run(() => SpinWait.SpinUntil(() => File.Exists(claim) || agent.IsCompleted));
        process.Kill();
        await process.WaitForExitAsync();
        (await agent).Ok();
        var certificates = Directory.GetFiles(Path.Combine(stack.Home, "objects/ca/certs"))
            .Count(f => File.ReadAllText(f).Contains(node.Certname, StringComparison.Ordinal));
        Assert.Equal(1, certificates);
        Assert.Single(Directory.GetFiles(Path.Combine(stack.Home, "objects/ca/claims", node.Certname)));
        // For the tests after this one.
        await stack.StartedAgain(service);
    }

    [Fact]
    public async Task Kill9_EachServiceWhileAnInstanceBoots_ItConverges()
    {
        var launched = await stack.Json("launch", "-c", stack.Example);
        var name = launched["results"]![0]!["instance"]!["certname"]!.GetValue<string>();
        foreach (var service in new[] { "conductor", "certauthority", "classifier" })
        {
            await stack.Kill(service);
            await stack.StartedAgain(service);
        }
        // A run that met a Classifier that was away has failed, and the agent's own next one comes in half an hour: it is asked for one, as
        // by a person.
        var asked = TimeProvider.System.GetTimestamp();
        await Eventually.True(
            async () =>
            {
                if (await stack.State(name) == "INSTANCE_STATE_CONVERGED")
                    return true;
                if (TimeProvider.System.GetElapsedTime(asked) > TimeSpan.FromSeconds(20))
                {
                    asked = TimeProvider.System.GetTimestamp();
                    await stack.AskForARun(name);
                }
                return false;
            }, $"{name} converges", TimeSpan.FromMinutes(2));
        Assert.Single(Directory.GetFiles(Path.Combine(stack.Home, "objects/ca/claims", name)));
    }

    [Fact]
    public async Task Secrets_OfEverythingSoFar_AreInNoLogObjectOrRedis()
    {
        using var node = await Registered.Create(stack);
        (await stack.Agent(node.Directory, node.Certname, "ssl", "bootstrap")).Ok();
        var found = await Shell.Run("grep", ["-rlF", node.Token, $"{stack.Home}/log", $"{stack.Home}/objects", $"{stack.Home}/redis",
            $"{stack.Home}/state"], null);
        Assert.Equal("", found.Output);
        // The search itself can find: the certname is in all but the redis log.
        Assert.NotEqual("", (await Shell.Run("grep", ["-rlF", node.Certname, $"{stack.Home}/objects"], null)).Output);
    }

    private async Task<bool> PuppetserverTakes(Registered node) => (await Shell.Run("curl", [
        "-s", "-o", "/dev/null", "--fail", "--cacert", $"{node.Directory}/s/certs/ca.pem", "--cert",
        $"{node.Directory}/s/certs/{node.Certname}.pem",
        "--key", $"{node.Directory}/s/private_keys/{node.Certname}.pem", "-H", "Accept: application/json",
        $"https://localhost:{Stack.Port(8140)}/puppet/v3/file_metadatas/plugins?environment=production&recurse=true"], null)).ExitCode == 0;

    // Serials in hex, as openssl prints them.
    private async Task<string> Crl()
    {
        var pem = (await Shell.Run("curl", ["-s", "--cacert", $"{stack.Home}/ca/ca_crt.pem",
            $"https://localhost:{Stack.Port(8141)}/puppet-ca/v1/certificate_revocation_list/ca"], null)).Ok();
        return (await Shell.Run("openssl", ["crl", "-noout", "-text"], null, pem)).Ok();
    }
}

/// <summary>A name registered for an agent that the test runs itself, with its secret in place.</summary>
public sealed class Registered : IDisposable
{
    private readonly TempDirectory directory = new();

    private Registered(string certname, string token) => (Certname, Token) = (certname, token);

    public string Certname { get; }
    public string Token { get; }
    public string Directory => directory.Path;

    /// <param name="stack">Where.</param>
    /// <param name="pinned">The CA bundle lies there before the agent's first contact, as user data does it.</param>
    /// <param name="launch">What is launched; null: the example.</param>
    public static async Task<Registered> Create(Stack stack, bool pinned = true, string? launch = null)
    {
        var answer = await stack.Json("instance", "register", "-c", launch ?? stack.Example);
        var node = new Registered(answer["instance"]!["certname"]!.GetValue<string>(), answer["token"]!.GetValue<string>());
        System.IO.Directory.CreateDirectory($"{node.Directory}/c");
        System.IO.Directory.CreateDirectory($"{node.Directory}/s/certs");
        await File.WriteAllTextAsync($"{node.Directory}/c/csr_attributes.yaml",
            $"custom_attributes:\n  1.2.840.113549.1.9.7: \"{node.Token}\"\n");
        if (pinned)
            File.Copy($"{stack.Home}/ca/ca_crt.pem", $"{node.Directory}/s/certs/ca.pem");
        return node;
    }

    public void Dispose() => directory.Dispose();
}
