using Overture.Conductor.Console;
using Overture.Conductor.Launch;
using Overture.Conductor.Specs;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Review, point 17: the token on the node is root's alone from the first byte, and gone with the certificate.</summary>
[Trait("Category", "integration")]
public sealed class CsrAttributesTests : IDisposable
{
    private readonly TempDirectory home = new();
    private readonly CertName name = TestIds.New().CertName();
    private readonly string token = new('k', 52);

    /// <summary>
    /// The command alone, in each shell: the mode of what it writes before the first byte, over a file that everybody could read; once; and
    /// at the next boot.
    /// </summary>
    [Theory]
    [InlineData("dash")]
    [InlineData("bash --posix")]
    [InlineData("busybox sh")]
    public async Task P17_Command_WritesForRootAloneOnceAndRemovesItLater(string shell)
    {
        await Prepare(shell);
        await File.WriteAllTextAsync(home.File("puppet/csr_attributes.yaml"), "old: 1\n");
        File.SetUnixFileMode(home.File("puppet/csr_attributes.yaml"), (UnixFileMode)0b110_100_100);
        await File.WriteAllTextAsync(home.File("puppet/puppet.conf"), "# of the image\n");

        Assert.Equal("", await Boot());
        foreach (var file in Files)
        {
            Assert.Equal(Written, await File.ReadAllTextAsync(file));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
        Assert.Equal("# of the image\n", await File.ReadAllTextAsync(home.File("puppet/puppet.conf.old")));
        Assert.StartsWith($"# overture {name}\n[main]\nssldir = {home.File("agent")}/ssl\n",
            await File.ReadAllTextAsync(home.File("puppet/puppet.conf")), StringComparison.Ordinal);
        Assert.StartsWith($"# overture {name}\n[main]\nssldir = {home.File("aio/puppet/ssl")}\n",
            await File.ReadAllTextAsync(home.File("aio/puppet/puppet.conf")), StringComparison.Ordinal);
        Assert.Equal(Bundle, await File.ReadAllTextAsync(home.File("agent/ssl/certs/ca.pem")));
        Assert.Equal(Bundle, await File.ReadAllTextAsync(home.File("aio/puppet/ssl/certs/ca.pem")));
        // cloud-init's own module does not run.
        Assert.True(File.Exists(home.File("cloud/sem/config_puppet")));
        // Another boot before the certificate: what is there stays, also where Puppet manages its own configuration by now.
        await File.WriteAllTextAsync(home.File("puppet/puppet.conf"), "# managed\n");
        Assert.Equal("", await Boot());
        Assert.Equal(Written, await File.ReadAllTextAsync(Files[0]));
        Assert.Equal("# managed\n", await File.ReadAllTextAsync(home.File("puppet/puppet.conf")));
        await Certify();
        await Eventually.True(() => Files.All(f => !File.Exists(f)), "they are removed");
        // And after it: nothing comes back.
        Assert.Equal("", await Boot());
        Assert.DoesNotContain(true, Files.Select(File.Exists));
        await Eventually.True(() => HostProcesses.With(home.File("cloud/overture/agent")).Count == 0, "nothing waits any more");
    }

    /// <summary>What an administrator, or another name, wrote there later stays: before the certificate and after it.</summary>
    [Theory]
    [InlineData("mine: 1\n")]
    [InlineData("# overture another-name\na: \"b\"\n")]
    [InlineData("")]
    public async Task P17_Command_AnothersFile_Stays(string text)
    {
        await Prepare("dash");
        Assert.Equal("", await Boot());
        await File.WriteAllTextAsync(Files[0], text);
        Assert.Equal("", await Boot());
        Assert.Equal(text, await File.ReadAllTextAsync(Files[0]));
        Assert.NotEmpty(HostProcesses.With(home.File("cloud/overture/agent")));
        await Certify();
        await Eventually.True(() => HostProcesses.With(home.File("cloud/overture/agent")).Count == 0, "nothing waits any more");
        Assert.Equal(text, await File.ReadAllTextAsync(Files[0]));
        Assert.False(File.Exists(Files[1]));
    }

    [Fact]
    public async Task P17_Command_ThatCannotWrite_SaysSoOnTheConsole()
    {
        await Prepare("dash");
        Directory.Delete(home.File("puppet"));
        foreach (var place in new[] { "puppet", "aio" })
            await File.WriteAllTextAsync(home.File(place), "a file where the directory should be");
        Assert.Contains("overture: " + Files[1] + " could not be written", await Boot(), StringComparison.Ordinal);
        Assert.Contains("secret could not be written",
            Conductor.Console.ConsoleFindings.Of("overture: /etc/puppet/csr_attributes.yaml could not be written", asked: false),
            StringComparison.Ordinal);
        // Its watcher waits all the same.
        await Certify();
        await Eventually.True(() => HostProcesses.With(home.File("cloud/overture/agent")).Count == 0, "nothing waits any more");
    }

    /// <summary>The real cloud-init and the real agent, at a CA that makes it wait.</summary>
    [Fact]
    public async Task P17_TokenOnTheNode_IsRootsAloneAndGoneWithTheCertificate()
    {
        using var authority = new TestPuppetCa();
        await using var ca = await PuppetCaStandIn.Start(authority);
        ca.Refusing = true;
        var spec = LaunchPlan.From(ConductorFixture.Spec(s =>
        {
            (s.Puppet.Server, s.Puppet.CaServer, s.Puppet.CaPort) = ("localhost", "localhost", ca.Port);
            s.Extensions["pp_role"] = "web é";
        }), "file:/x", _ => new FakeProvider()).Spec;
        spec.CloudConfig = $"bootcmd: [\"stat -c 'first %a %U' {Debians}\"]";
        var userData = UserData.Render(name, spec, "production", token, authority.BundlePem);
        Assert.InRange(userData.Length, 1, UserData.MaxBytes);
        await using var node = new BootedInstance("i-17", System.Text.Encoding.UTF8.GetBytes(userData), []);

        await Eventually.True(() => node.Console.Contains("overture: cloud-init finished rc=0", StringComparison.Ordinal), "it booted",
            TimeSpan.FromSeconds(120));
        Assert.Contains("first 600 root", node.Console, StringComparison.Ordinal);
        // While it waits for its certificate: the agent has it, and no user of the node does.
        Assert.Contains(token, (await node.Inside("cat", Debians)).Ok(), StringComparison.Ordinal);
        Assert.Equal("600 root\n", (await node.Inside("stat", "-c", "%a %U", Debians)).Ok());
        var asAnybody = await node.Inside("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "grep", "-rls",
            // Not its own page map, which has no end, and not its own command line.
            "--exclude=pagemap", $"[{token[0]}]{token[1..]}", "/etc", "/run", "/tmp", "/root", "/home", "/var/lib/cloud",
            "/var/lib/puppet", "/var/log", "/proc");
        Assert.Equal("", asAnybody.Output);
        Assert.DoesNotContain(token, node.Console, StringComparison.Ordinal);
        Assert.NotEqual("", (await node.Inside("grep", "-rls", token, "/var/lib/cloud")).Output);

        ca.Refusing = false;
        await Eventually.True(async () => (await node.Inside("test", "-e", Debians)).ExitCode == 1, "it is gone",
            TimeSpan.FromSeconds(120));
        Assert.Equal(name.ToString(), Assert.Single(ca.Requests.Distinct()));
        Assert.NotEqual("", (await node.Inside("cat", $"/var/lib/puppet/ssl/certs/{name}.pem")).Ok());
    }

    public void Dispose() => home.Dispose();

    private const string Debians = "/etc/puppet/csr_attributes.yaml";
    private const string Bundle = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

    private string Written => $"# overture {name}\na: \"{token}\"\n";

    private string[] Files => [home.File("puppet/csr_attributes.yaml"), home.File("aio/puppet/csr_attributes.yaml")];

    private Dictionary<string, string?> Path() => new() { ["PATH"] = $"{home.File("bin")}:/usr/bin:/bin" };

    // A sh of this kind, a sleep that is short, and no agent of this host that would be stopped.
    private async Task Prepare(string shell)
    {
        Directory.CreateDirectory(home.File("bin"));
        await Tool("sh", $"exec {shell} \"$@\"");
        await Tool("sleep", "exec /bin/sleep 0.1");
        await Tool("systemctl", "");
        await Tool("systemd-run", "exit 1");
        await Tool("service", "exit 1");
        Directory.CreateDirectory(home.File("puppet"));
        Directory.CreateDirectory(home.File("cloud/overture/run"));
        await File.WriteAllTextAsync(home.File("cloud/overture/done"), "");
    }

    private async Task Tool(string tool, string text)
    {
        await File.WriteAllTextAsync(home.File($"bin/{tool}"), $"#!/bin/dash\n{text}\n");
        File.SetUnixFileMode(home.File($"bin/{tool}"), (UnixFileMode)0b111_101_101);
    }

    private async Task Certify()
    {
        Directory.CreateDirectory(home.File("agent/ssl/certs"));
        await File.WriteAllTextAsync(home.File($"agent/ssl/certs/{name}.pem"), "x");
    }

    // The command with its directories below ours, in boot.sh.
    private async Task<string> Command()
    {
        var spec = LaunchPlan.From(ConductorFixture.Spec(), "file:/x", _ => new FakeProvider()).Spec;
        var command = AgentScript.Command(name, spec, "production", Bundle, $"a: \"{token}\"\n", packed: false)
            .Replace("/etc/puppetlabs", home.File("aio"), StringComparison.Ordinal)
            .Replace("/etc/puppet", home.File("puppet"), StringComparison.Ordinal)
            .Replace("/var/lib/cloud/instance", home.File("cloud"), StringComparison.Ordinal)
            .Replace("/var/lib/puppet", home.File("agent"), StringComparison.Ordinal);
        await File.WriteAllTextAsync(home.File("boot.sh"), command);
        return command;
    }

    // What the command prints.
    private async Task<string> Boot()
    {
        await Command();
        var ran = await Shell.Run(home.File("bin/sh"), [home.File("boot.sh")], Path());
        return ran.Output + ran.Errors;
    }
}
