using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>Agents of every layout and release there is a root for, from launch to a converged node, and what is left on it.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed partial class AgentTests(Stack stack, AgentFleet fleet) : IClassFixture<AgentFleet>
{
    public static TheoryData<string> Ids => [.. AgentFleet.Rows.Select(r => r.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task Launch_Agent_ConvergesUnderItsNameAndIsReported(string id)
    {
        var row = AgentFleet.Rows.Single(r => r.Id == id);
        Assert.True(fleet.Launched(id).ExitCode == 0, $"{fleet.Launched(id).Output}{fleet.Launched(id).Errors}\n{fleet.Console(id)}");
        Assert.Equal("INSTANCE_STATE_CONVERGED", await stack.State(fleet.CertnameOf(id)));

        // 1. its class was applied
        (await fleet.Inside(id, "grep", "-q", "ssh-ed25519", "/home/demo/.ssh/authorized_keys")).Ok();
        // 2. the agent is the one that was asked for, with the key that was
        var version = (await fleet.Inside(id, row.Program, "--version")).Ok().Trim();
        using var certificate = await Certificate(row);
        Assert.Equal(row.Ec ? "1.2.840.10045.2.1" : "1.2.840.113549.1.1.1", certificate.GetKeyAlgorithm());
        // 3. the decision is on the console
        // A package writes 9.0.0~rc1 where the program says 9.0.0-rc1.
        Assert.Matches($@"overture: agent: \w+ {Regex.Escape(version.Split('-')[0])}\S* \({row.Program}\), "
            + "(found in the image|installed from )", fleet.Console(id));

        var server = (await Shell.Run("dpkg-query", "-W", "-f", "${Version}", "puppetserver")).Ok().Split('-')[0];
        var system = (await fleet.Inside(id, "sh", "-c", ". /etc/os-release; echo \"$PRETTY_NAME\"")).Ok().Trim();
        Matrix.Ran($"{row.Label}: {version}", $"puppetserver {server}", system, "files",
            $"launch to converged, {(row.Ec ? "EC" : "RSA")} key", nameof(AgentTests));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task Token_OnceTheCertificateIsThere_IsInNothingButCloudInitsOwnFiles(string id)
    {
        // 1. root's alone from the first moment, in each layout that could come
        var modes = (await fleet.Inside(id, "cat", "/var/tmp/modes")).Ok().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, modes.Length);
        Assert.All(modes, m => Assert.StartsWith("600 ", m, StringComparison.Ordinal));
        // 2. gone
        await Eventually.True(async () => (await fleet.Inside(id, "sh", "-c",
            "ls /etc/puppet*/csr_attributes.yaml /etc/puppetlabs/puppet/csr_attributes.yaml 2> /dev/null; echo end")).Output == "end\n",
            "csr_attributes.yaml is removed");
        // 3. what keeps it: user data as cloud-init has it, which nobody but root reads
        var folder = fleet.FolderOf(id);
        var token = Token().Match(await File.ReadAllTextAsync(Path.Combine(folder, "user-data"))).Groups[1].Value;
        Assert.NotEmpty(token);
        var found = (await Shell.Run("grep", ["-rlaF", "-e", token, folder], null)).Output
            + (await fleet.Inside(id, "grep", "-rlaF", "-e", token, "/run", "/tmp", "/dev/shm", "/etc", "/var/tmp", "/var/log")).Output;
        var files = found.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(files, f => Assert.True(f == $"{folder}/user-data" || f.Contains("/var/lib/cloud/", StringComparison.Ordinal)
            || f.StartsWith("/run/cloud-init/", StringComparison.Ordinal), f));
        foreach (var file in files.Where(f => f.StartsWith(folder, StringComparison.Ordinal)))
            Assert.True((File.GetUnixFileMode(file) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)) == 0, file);
    }

    [Theory]
    [InlineData("puppet8")]
    [InlineData("aio-apt")]
    public async Task Renewal_AgentThatCan_HasANewCertificateOfTheSameName(string id)
    {
        var row = AgentFleet.Rows.Single(r => r.Id == id);
        using var before = await Certificate(row);
        // The first step of a run, where less than that is left of a certificate's life; 2: the run changed something.
        await Eventually.True(async () => (await fleet.Inside(id, row.Program, "agent", "--test", "--hostcert_renewal_interval", "20y"))
            .ExitCode is 0 or 2, "a run by hand, beside the agent's own");
        using var after = await Certificate(row);
        Assert.NotEqual(before.SerialNumber, after.SerialNumber);
        Assert.Equal(before.Subject, after.Subject);
    }

    [Fact]
    public async Task VendorData_OfAnotherServer_DoesNotWin()
    {
        Assert.Equal("no\n", (await fleet.Inside("vendor-server", "sh", "-c", "[ -e /var/tmp/vendor-ran ] || echo no")).Ok());
        var conf = (await fleet.Inside("vendor-server", "cat", "/etc/puppet/puppet.conf")).Ok();
        Assert.DoesNotContain("elsewhere", conf, StringComparison.Ordinal);
        Assert.DoesNotContain("runinterval = 99", conf, StringComparison.Ordinal);
        Assert.Contains("overture: agent: note: the key puppet of vendor data is ignored", fleet.Console("vendor-server"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void VendorData_ThatEmptiesModuleLists_IsReported() => Assert.Contains(
        "overture: agent: note: vendor data sets cloud_final_modules", fleet.Console("aio-vendor-empty"), StringComparison.Ordinal);

    [Theory]
    [InlineData("puppet8")]
    [InlineData("aio-dnf")]
    public async Task Instance_OfAnotherImage_SeesNothingOfTheHost(string id)
    {
        Assert.Equal("", (await fleet.Inside(id, "sh", "-c", $"ls -d '{stack.Home}' '{stack.Checkout}' /mnt/* 2> /dev/null")).Output);
        Assert.NotEqual(await File.ReadAllTextAsync("/etc/machine-id"), (await fleet.Inside(id, "cat", "/etc/machine-id")).Ok());
        var mounts = (await fleet.Inside(id, "cut", "-d ", "-f5", "/proc/1/mountinfo")).Ok().Split('\n');
        Assert.All(mounts.Where(m => m.Length > 1), m => Assert.Matches("^/(proc|sys|run|tmp|dev)", m));
    }

    [Theory]
    [InlineData("puppet8")]
    [InlineData("aio-installed")]
    public async Task Reboot_OfAnotherImage_StartsTheAgentAgain(string id)
    {
        foreach (var process in HostProcesses.With(fleet.FolderOf(id)))
            await Shell.Run("kill", "-9", process.Split(':')[0]);
        await stack.Kill("conductor");
        await stack.StartedAgain("conductor");
        await Eventually.True(() => fleet.Console(id).Contains("overture: puppet agent started", StringComparison.Ordinal),
            "the agent is started at the reboot");
        await Eventually.True(async () => (await fleet.Inside(id, "pgrep", "-f", "puppet agent")).ExitCode == 0, "it runs");
    }

    [Fact]
    public async Task Run_AgentThatThereIsNot_SaysWhichThereAre()
    {
        var ran = await Shell.Run(Path.Combine(stack.Checkout, "run"), "--agent", "puppet6");
        Assert.Equal(2, ran.ExitCode);
        Assert.Contains("puppet7, puppet8, openvox8, openvox9", ran.Errors, StringComparison.Ordinal);
    }

    private async Task<X509Certificate2> Certificate(AgentRow row) => X509Certificate2.CreateFromPem(
        (await fleet.Inside(row.Id, "cat", $"{row.SslDirectory}/certs/{fleet.CertnameOf(row.Id)}.pem")).Ok());

    // In user data as an agent's csr_attributes.yaml has it, quoted once or twice.
    [GeneratedRegex(@"1\.2\.840\.113549\.1\.9\.7\W+([A-Za-z0-9_.-]{20,})")]
    private static partial Regex Token();
}
