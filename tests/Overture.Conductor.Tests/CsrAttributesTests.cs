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
    /// The command alone: the mode of what it writes before the first byte, over a file that everybody could read; once; and at the next
    /// boot.
    /// </summary>
    [Fact]
    public async Task P17_Command_WritesForRootAloneOnceAndRemovesItLater()
    {
        await Prepare();
        await File.WriteAllTextAsync(home.File("puppet/csr_attributes.yaml"), "old: 1\n");
        File.SetUnixFileMode(home.File("puppet/csr_attributes.yaml"), (UnixFileMode)0b110_100_100);

        Assert.Equal("", await Boot());
        Assert.Equal("600 0\n", await File.ReadAllTextAsync(home.File("modes")));
        Assert.Equal(Written, await File.ReadAllTextAsync(home.File("puppet/csr_attributes.yaml")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(home.File("puppet/csr_attributes.yaml")));
        // Another boot before the certificate: what is there stays.
        Assert.Equal("", await Boot());
        Assert.Equal(Written, await File.ReadAllTextAsync(home.File("puppet/csr_attributes.yaml")));
        await File.WriteAllTextAsync(home.File($"agent/ssl/certs/{name}.pem"), "x");
        await Eventually.True(() => !File.Exists(home.File("puppet/csr_attributes.yaml")), "it is removed");
        // And after it: nothing comes back.
        Assert.Equal("", await Boot());
        Assert.False(File.Exists(home.File("puppet/csr_attributes.yaml")));
        Assert.Equal("600 0\n", await File.ReadAllTextAsync(home.File("modes")));
        await Eventually.True(() => HostProcesses.With(home.File("boot.sh")).Count == 0, "nothing waits any more");
    }

    /// <summary>What an administrator, or another name, wrote there later stays: before the certificate and after it.</summary>
    [Theory]
    [InlineData("mine: 1\n")]
    [InlineData("# overture another-name\na: \"b\"\n")]
    [InlineData("")]
    public async Task P17_Command_AnothersFile_Stays(string text)
    {
        await Prepare();
        var file = home.File("puppet/csr_attributes.yaml");
        Assert.Equal("", await Boot());
        await File.WriteAllTextAsync(file, text);
        Assert.Equal("", await Boot());
        Assert.Equal(text, await File.ReadAllTextAsync(file));
        Assert.NotEmpty(HostProcesses.With(home.File("boot.sh")));
        await File.WriteAllTextAsync(home.File($"agent/ssl/certs/{name}.pem"), "x");
        await Eventually.True(() => HostProcesses.With(home.File("boot.sh")).Count == 0, "nothing waits any more");
        Assert.Equal(text, await File.ReadAllTextAsync(file));
    }

    [Fact]
    public async Task P17_Command_ThatCannotWrite_SaysSoOnTheConsole()
    {
        await File.WriteAllTextAsync(home.File("puppet"), "a file where the directory should be");
        Assert.Contains("could not be written", await Boot(), StringComparison.Ordinal);
        Assert.Contains("secret could not be written",
            Conductor.Console.ConsoleFindings.Of("overture: /etc/puppet/csr_attributes.yaml could not be written", asked: false),
            StringComparison.Ordinal);
        // Its watcher waits all the same.
        Directory.CreateDirectory(home.File("agent/ssl/certs"));
        await File.WriteAllTextAsync(home.File($"agent/ssl/certs/{name}.pem"), "x");
        await Eventually.True(() => HostProcesses.With(home.File("boot.sh")).Count == 0, "nothing waits any more");
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
        spec.CloudConfig = $"bootcmd: [\"stat -c 'first %a %U' {CsrAttributes.Path}\"]";
        var userData = UserData.Render(name, spec, "production", token, authority.BundlePem, install: false);
        Assert.InRange(userData.Length, 1, UserData.MaxBytes);
        await using var node = new BootedInstance("i-17", System.Text.Encoding.UTF8.GetBytes(userData), []);

        await Eventually.True(() => node.Console.Contains("overture: cloud-init finished rc=0", StringComparison.Ordinal), "it booted",
            TimeSpan.FromSeconds(120));
        Assert.Contains("first 600 root", node.Console, StringComparison.Ordinal);
        // While it waits for its certificate: the agent has it, and no user of the node does.
        Assert.Contains(token, (await node.Inside("cat", CsrAttributes.Path)).Ok(), StringComparison.Ordinal);
        Assert.Equal("600 root\n", (await node.Inside("stat", "-c", "%a %U", CsrAttributes.Path)).Ok());
        var asAnybody = await node.Inside("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "grep", "-rls", token, "/etc",
            "/run", "/tmp", "/root", "/home", "/var/lib/cloud", "/var/lib/puppet", "/var/log", "/proc");
        Assert.Equal("", asAnybody.Output);
        Assert.DoesNotContain(token, node.Console, StringComparison.Ordinal);
        Assert.NotEqual("", (await node.Inside("grep", "-rls", token, "/var/lib/cloud")).Output);

        ca.Refusing = false;
        await Eventually.True(async () => (await node.Inside("test", "-e", CsrAttributes.Path)).ExitCode == 1, "it is gone",
            TimeSpan.FromSeconds(120));
        Assert.Equal(name.ToString(), Assert.Single(ca.Requests.Distinct()));
        Assert.NotEqual("", (await node.Inside("cat", $"/var/lib/puppet/ssl/certs/{name}.pem")).Ok());
    }

    public void Dispose() => home.Dispose();

    private string Written => $"# overture {name}\na: \"{token}\"\n";

    // Directories, a cat that notes the mode of what it writes to, and a sleep that is short.
    private async Task Prepare()
    {
        Directory.CreateDirectory(home.File("bin"));
        var note = $"stat -Lc '%a %s' /proc/$$/fd/1 >> {home.File("modes")}";
        await File.WriteAllTextAsync(home.File("bin/cat"), $"#!/bin/sh\n{note}\nexec /bin/cat\n");
        await File.WriteAllTextAsync(home.File("bin/sleep"), "#!/bin/sh\nexec /bin/sleep 0.1\n");
        foreach (var tool in new[] { "cat", "sleep" })
            File.SetUnixFileMode(home.File($"bin/{tool}"), (UnixFileMode)0b111_101_101);
        foreach (var directory in new[] { "puppet", "agent/ssl/certs", "cloud" })
            Directory.CreateDirectory(home.File(directory));
    }

    // What the command prints, with its directories below ours.
    private async Task<string> Boot()
    {
        var command = CsrAttributes.Command(name, $"a: \"{token}\"\n")
            .Replace("/etc/puppet/", home.File("puppet/"), StringComparison.Ordinal)
            .Replace("/var/lib/cloud/instance/", home.File("cloud/"), StringComparison.Ordinal)
                .Replace("/var/lib/puppet ", home.File("agent "), StringComparison.Ordinal);
        await File.WriteAllTextAsync(home.File("boot.sh"), command);
        var ran = await Shell.Run("/bin/sh", [home.File("boot.sh")],
            new Dictionary<string, string?> { ["PATH"] = $"{home.File("bin")}:/usr/bin:/bin" });
        return ran.Output + ran.Errors;
    }
}
