using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>instance console, user-data and ssh, against a real sshd on loopback.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class ConsoleTests(OvertureFixture overture)
{
    [Fact]
    public async Task Console_Text_CantActOnTheTerminal()
    {
        var name = Console(new GetConsoleResponse { Text = "boot\r\n\u001b[2Jgone\n" });
        Assert.Equal("boot\n\\u001b[2Jgone\n", (await overture.Run("instance", "console", name)).Exit(0).Output);
        Assert.Equal("boot\r\n\u001b[2Jgone\n", (await overture.Run("instance", "console", name, "--raw")).Exit(0).Output);
        (await overture.Run("instance", "console", name, "--known-hosts")).Exit(6).Says("shows no SSH host keys");
    }

    [Fact]
    public async Task UserData_IsPrinted_AndCantActOnTheTerminal()
    {
        var name = overture.Conductor.Add(TestIds.New().CertName().ToString()).Certname;
        Assert.Equal($"#cloud-config\n# {name}\n\"psk\": \"********\\u001b[2J\"\n",
            (await overture.Run("instance", "user-data", name[..12])).Exit(0).Output);
    }

    [Fact]
    public async Task Ssh_KeyOfTheConsole_LogsInAndPassesOnTheExitCode()
    {
        await using var sshd = await Sshd.Start();
        var name = Console(new GetConsoleResponse { Text = "x", HostKeys = { sshd.HostKey }, Addresses = { "127.0.0.1" } });
        Assert.Equal($"{name},127.0.0.1 {sshd.HostKey.Type} {sshd.HostKey.Key}\n",
            (await overture.Run("instance", "console", name, "--known-hosts")).Exit(0).Output);
        Assert.Equal($"{sshd.HostKey.Type} {sshd.HostKey.Fingerprint}\n",
            (await overture.Run("instance", "console", name, "--fingerprints")).Exit(0).Output);

        Assert.Equal("there\n", (await Ssh(sshd, name, "echo there")).Exit(0).Output);
        (await Ssh(sshd, name, "exit 42")).Exit(42);
        Assert.Empty(Directory.GetFiles(Path.GetTempPath(), "overture-known-hosts-*"));
    }

    [Fact]
    public async Task Ssh_AnotherHostKeyThanTheConsoles_IsRefused()
    {
        await using var sshd = await Sshd.Start();
        await using var other = await Sshd.Start();
        var name = Console(new GetConsoleResponse { Text = "x", HostKeys = { other.HostKey }, Addresses = { "127.0.0.1" } });
        var ran = (await Ssh(sshd, name, "echo there")).Exit(255).Says("HOST IDENTIFICATION HAS CHANGED");
        Assert.DoesNotContain("there", ran.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ssh_OnlyFingerprints_AreComparedWithWhatTheHostShows()
    {
        await using var sshd = await Sshd.Start();
        await using var other = await Sshd.Start();
        var name = Console(new GetConsoleResponse { Text = "x",
            HostKeys = { new SshHostKey { Type = "ED25519", Fingerprint = sshd.HostKey.Fingerprint } }, Addresses = { "127.0.0.1" } });
        Assert.Equal("there\n", (await Ssh(sshd, name, "echo there")).Exit(0).Output);
        (await overture.Run("instance", "console", name, "--known-hosts")).Exit(1).Says("shows only fingerprints");

        var ran = (await Ssh(other, name, "echo there")).Exit(4).Says("the connection may be intercepted");
        Assert.DoesNotContain("there", ran.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ssh_AddressThatIsAnOption_IsRefused()
    {
        await using var sshd = await Sshd.Start();
        var name = Console(new GetConsoleResponse { Text = "x", HostKeys = { sshd.HostKey },
            Addresses = { "-oProxyCommand=touch${IFS}/tmp/owned" } });
        (await overture.Run("ssh", name)).Exit(6).Says("is not an address");
    }

    private Task<Ran> Ssh(Sshd sshd, string name, string command) => overture.Run(
        "ssh", name, "--user", "root", "--port", sshd.Port.ToString(System.Globalization.CultureInfo.InvariantCulture), "--", "-i",
        sshd.ClientKey, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-F", "/dev/null", command);

    private string Console(GetConsoleResponse answer)
    {
        var name = overture.Conductor.Add(TestIds.New().CertName().ToString()).Certname;
        overture.Conductor.Consoles[name] = answer;
        return name;
    }
}
