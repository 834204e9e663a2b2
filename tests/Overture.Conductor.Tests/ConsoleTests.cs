using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Grpc.Core;
using Overture.Conductor.Console;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// Host keys on consoles (docs/cloud-init.md), honest, cut off, interleaved and hostile ones; and the RPC that returns them.
/// </summary>
public sealed class ConsoleTests
{
    private const string Key = "AAAAC3NzaC1lZDI1NTE5AAAAINtt4PIqY7HTf2gh/WO+4GTjN9GTIyFiMVe7/a8ZpmvE";
    private const string Print = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    private const string BeginKeys = "-----BEGIN SSH HOST KEY KEYS-----", EndKeys = "-----END SSH HOST KEY KEYS-----";
    private const string BeginPrints = "-----BEGIN SSH HOST KEY FINGERPRINTS-----", EndPrints = "-----END SSH HOST KEY FINGERPRINTS-----";

    [Fact]
    public async Task Of_KeyMadeBySshKeygen_HasItsFingerprint()
    {
        using var directory = new TempDirectory();
        (await Shell.Run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", directory.File("key"))).Ok();
        var line = (await File.ReadAllTextAsync(directory.File("key.pub"))).Trim();
        var told = (await Shell.Run("ssh-keygen", "-l", "-f", directory.File("key.pub"))).Ok().Split(' ')[1];
        var key = Assert.Single(ConsoleHostKeys.Of($"{BeginKeys}\r\n{line}\r\n{EndKeys}\r\n"));
        Assert.Equal(("ecdsa-sha2-nistp256", line.Split(' ')[1], told), (key.Type, key.Key, key.Fingerprint));
    }

    [Fact]
    public void Of_KernelLinesAndEscapesBetween_FindsTheKey() => Assert.Equal(Key, Assert.Single(ConsoleHostKeys.Of(
        $"[    1.2] boot\n\u001b[0m{BeginKeys}\n[   12.3] eth0: link up\n\u001b[1mssh-ed25519 {Key} "
            + $"root@web1\u001b[0m\r\n{EndKeys}\nlogin:")).Key);

    [Fact]
    public void Of_TwoBoots_TheLastCompleteOneCounts()
    {
        var other = Key.Replace("/a8Zpmv", "/a9Zpmv", StringComparison.Ordinal);
        var both = $"{Block(Key)}{Block(other)}";
        Assert.Equal(other, Assert.Single(ConsoleHostKeys.Of(both)).Key);
        // The second was cut off, at its end, or in the middle of it.
        Assert.Equal(Key, Assert.Single(ConsoleHostKeys.Of($"{Block(Key)}{BeginKeys}\nssh-ed25519 {other}\n")).Key);
        Assert.Equal(other, Assert.Single(ConsoleHostKeys.Of($"{BeginKeys}\nssh-ed25519 {Key}\n{Block(other)}")).Key);
        Assert.Empty(ConsoleHostKeys.Of($"ssh-ed25519 {Key}\n{EndKeys}\n"));
    }

    [Theory]
    [InlineData("ssh-rsa", Key)] // says another type than it is
    [InlineData("ssh-ed25519", "AAAA")]
    [InlineData("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAINtt4PIqY7HTf2gh/WO+4GTjN9GTIyFiMVe7/a8Zpmv*")]
    [InlineData("ssh-ed25519", "/////3NzaC1lZDI1NTE5AAAAINtt4PIqY7HTf2gh")]
    [InlineData("@cert-authority", Key)]
    [InlineData("*", Key)]
    public void Of_LineThatIsNoKey_IsPassedOver(string type, string key)
    {
        var found = ConsoleHostKeys.Of($"{BeginKeys}\n{type} {key} root@web1\nssh-ed25519 {Key}\n{EndKeys}\n");
        Assert.Equal(Key, Assert.Single(found).Key);
    }

    [Theory]
    [InlineData("<14>Nov 22 07:25:16 cloud-init: ")]
    [InlineData("ci-info: ")]
    [InlineData("")]
    public void Of_FingerprintsAlone_AreTold(string prefix)
    {
        var key = Assert.Single(
            ConsoleHostKeys.Of($"{prefix}{BeginPrints}\n{prefix}256 {Print} root@web1 (ED25519)\n{prefix}{EndPrints}\n"));
        Assert.Equal(("ED25519", "", Print), (key.Type, key.Key, key.Fingerprint));
    }

    [Fact]
    public void Of_KeysAndFingerprints_KeysWin() =>
        Assert.Equal(Key, Assert.Single(ConsoleHostKeys.Of($"{BeginPrints}\n256 {Print} root@web1 (RSA)\n{EndPrints}\n{Block(Key)}")).Key);

    [Fact]
    public void Of_Megabytes_TakesAMomentAndIsBounded()
    {
        var many = new StringBuilder(BeginKeys).Append('\n');
        for (var i = 0; i < 10_000; i++)
            many.Append("ssh-ed25519 ").Append(Key).Append('\n');
        Assert.Equal(16, ConsoleHostKeys.Of(many.Append(EndKeys).ToString()).Count);
        Assert.Empty(ConsoleHostKeys.Of($"{BeginKeys}\nssh-ed25519 {new string('A', 4_000_000)}\n{EndKeys}"));
        Assert.Empty(ConsoleHostKeys.Of(string.Concat(Enumerable.Repeat(EndKeys + "\n", 20_000))));
    }

    [Fact]
    public void Of_AnyText_NeverThrowsAndTellsOnlyWhatAKnownHostsLineMayHold() => Prop.ForAll(
        Gen.Elements(BeginKeys, EndKeys, BeginPrints, EndPrints, $"ssh-ed25519 {Key}", $"256 {Print} a (RSA)", "\r", "\u001b[", "x y\tz",
            "ssh-", "\0").ListOf().Select(p => string.Join("\n", p)).ToArbitrary(),
        text => ConsoleHostKeys.Of(text).All(k => !(k.Type + k.Key + k.Fingerprint).Any(c => c is '\n' or '\r' or ' ' or '\0' or '\u001b')))
            .QuickCheckThrowOnFailure();

    [Fact]
    public async Task GetConsole_RunningInstance_TellsTextKeysAndAddress()
    {
        using var world = new ConductorFixture();
        var provider = new FakeProvider { ConsoleText = $"booting\n{Block(Key)}" };
        await using var host = await ConductorHost.Start(world, new() { Provider = provider });
        var name = await Launch(host);
        var console = await host.As("operator").GetConsoleAsync(new() { Certname = name });
        Assert.Equal(provider.ConsoleText, console.Text);
        Assert.Equal((Key, "127.0.0.1"), (console.HostKeys.Single().Key, console.Addresses.Single()));
    }

    [Fact]
    public async Task GetConsole_NothingToShow_SaysWhy()
    {
        using var world = new ConductorFixture();
        await using var host = await ConductorHost.Start(world, new() { Provider = new FakeProvider() });
        var name = await Launch(host);
        Assert.Equal(StatusCode.FailedPrecondition, (await Fails(name)).StatusCode);
        Assert.Contains("still empty", (await Fails(name)).Status.Detail, StringComparison.Ordinal);
        Assert.Equal(StatusCode.NotFound, (await Fails(TestIds.New().CertName().ToString())).StatusCode);
        var registered = await host.As("admin").RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec() });
        Assert.Contains("was registered", (await Fails(registered.Instance.Certname)).Status.Detail, StringComparison.Ordinal);
        Assert.Equal(StatusCode.PermissionDenied, (await Fails(name, "viewer")).StatusCode);

        Task<RpcException> Fails(string of, string party = "operator") =>
            Assert.ThrowsAsync<RpcException>(async () => await host.As(party).GetConsoleAsync(new() { Certname = of }));
    }

    private static string Block(string key) => $"{BeginKeys}\nssh-ed25519 {key} root@web1\n{EndKeys}\n";

    private static async Task<string> Launch(ConductorHost host) =>
        (await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results.Single().Instance.Certname;
}
