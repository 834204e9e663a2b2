using Overture.Cli.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class EncHookTests(OvertureFixture overture)
{
    [Fact]
    public async Task Enc_KnownNode_PrintsTheAnswerByteForByte()
    {
        var ran = (await overture.Hook("overture-enc", [FakeClassifier.Known])).Exit(0);
        Assert.Equal(FakeClassifier.Yaml, ran.Output);
        Assert.Equal("", ran.Errors);
    }

    [Fact]
    public async Task Enc_AnswerFromMemory_IsGivenAndSaidBesideIt()
    {
        var ran = (await overture.Hook("overture-enc", ["stale.example.com"])).Exit(0);
        Assert.Equal(FakeClassifier.Yaml, ran.Output);
        Assert.Equal(
            ["overture-enc stale.example.com: the store does not answer; this answer is as of 1970-01-01T00:00:00.000Z",
            "overture-enc stale.example.com: an edit is not served"],
            ran.Errors.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Enc_UnavailableOnce_AsksOnceMore() => (await overture.Hook("overture-enc", ["flaky.example.com"])).Exit(0);

    [Theory]
    [InlineData("unknown.example.com", 3, "no definition of unknown.example.com (NODE_UNKNOWN")]
    [InlineData("blocked.example.com", 6, "blocked.example.com is revoked (NODE_BLOCKED")]
    [InlineData("empty.example.com", 70, "empty answer")]
    [InlineData("down.example.com", 5, "the object store does not answer (STORE_UNAVAILABLE")]
    [InlineData("slow.example.com", 7, "did not finish in the time given")]
    [InlineData("evil\nname", 3, "evil\\u000aname")]
    [InlineData("", 2, "usage: overture-enc CERTNAME")]
    public async Task Enc_Refused_IsOneLineAndNothingOnStdout(string certname, int exit, string told)
    {
        var ran = await overture.Hook("overture-enc", [certname]);
        AssertRefused(ran, exit, told);
        Assert.InRange(ran.Took.TotalSeconds, 0, 25); // 2 s, and what a busy machine adds
    }

    [Fact]
    public async Task Enc_WrongNumberOfArguments_IsUsage()
    {
        AssertRefused(await overture.Hook("overture-enc", []), 2, "usage: overture-enc CERTNAME");
        AssertRefused(await overture.Hook("overture-enc", ["a", "b"]), 2, "usage: overture-enc CERTNAME");
    }

    [Fact]
    public async Task Enc_NoConfiguration_NamesThePlace() =>
        AssertRefused(await overture.Hook("overture-enc", [FakeClassifier.Known], config: "/nonexistent/hooks.yaml"), 78,
            "there is no file /nonexistent/hooks.yaml");

    [Fact]
    public async Task Enc_PeerOfAnotherRole_IsNotBelieved() =>
        // A certificate of the internal PKI, but not the Classifier's: its holder must not answer for the Classifier.
        AssertRefused(await With(overture.Config("enc", overture.ConductorPort)), 5, "is not a classifier");

    [Fact]
    public async Task Enc_ServiceDown_SaysWhere() => AssertRefused(await With(overture.Config("enc", FreePort.Next())), 5,
        "does not answer: Connection refused");

    [Fact]
    public async Task Enc_NoKey_NamesIt() =>
        AssertRefused(await With(overture.Config("enc").Replace("pki/enc.key", "pki/none.key", StringComparison.Ordinal)), 78,
        "tls.key: there is no file");

    [Fact]
    public async Task Enc_KeyOfAnother_SaysSo() =>
        AssertRefused(await With(overture.Config("enc").Replace("pki/enc.key", "pki/viewer.key", StringComparison.Ordinal)), 78,
        "are not a certificate and its key");

    [Fact]
    public async Task Enc_UnreadableKey_NamesTheUser()
    {
        // root reads everything: so the test runs the hook as nobody, with all but the key readable.
        using var open = new TempDirectory();
        foreach (var file in new[] { "enc.pem", "enc.key", "ca.pem" })
            File.Copy(Path.Combine(overture.Pki.Home, "pki", file), open.File(file));
        await File.WriteAllTextAsync(open.File("hooks.yaml"),
            $"classifier: localhost:{overture.ClassifierPort}\ntls: {{ certificate: enc.pem, key: enc.key, roots: ca.pem }}\n");
        File.Copy(OvertureFixture.Binary, open.File("overture-enc"));
        (await Shell.Run("sh", "-c",
            $"chmod 755 {open.Path} && chmod 644 {open.Path}/*.pem {open.Path}/hooks.yaml && chmod 755 {open.Path}/overture-enc && "
                + $"chmod 600 {open.Path}/enc.key")).Ok();
        var ran = await Shell.Run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/env", "-i",
            $"OVERTURE_HOOKS_CONFIG={open.File("hooks.yaml")}", open.File("overture-enc"), FakeClassifier.Known);
        AssertRefused(ran, 78, "may not read");
    }

    [Fact]
    public async Task Enc_ExpiredCertificate_SaysWhen()
    {
        using var old = new TempDirectory();
        new Overture.Cli.Pki.InternalPki(old.Path,
            new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.Parse("2020-01-01T00:00:00Z"))).Init([]);
        await File.WriteAllTextAsync(old.File("hooks.yaml"), overture.Config("enc"));
        AssertRefused(await overture.Hook("overture-enc", [FakeClassifier.Known], config: old.File("hooks.yaml")), 78,
            "enc.pem expired on 2020-03-31");
    }

    [Fact]
    public async Task Enc_ServerOfAnotherCa_IsNotBelieved()
    {
        using var other = new TestPki();
        await File.WriteAllTextAsync(Path.Combine(other.Home, "hooks.yaml"), overture.Config("enc"));
        AssertRefused(await overture.Hook("overture-enc", [FakeClassifier.Known], config: Path.Combine(other.Home, "hooks.yaml")), 5,
            "not from the internal CA");
    }

    [Fact]
    public async Task Enc_NotYetValidCertificate_AsksForTheClock()
    {
        using var early = new TempDirectory();
        new Overture.Cli.Pki.InternalPki(early.Path,
            new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.Parse("2090-01-01T00:00:00Z"))).Init([]);
        await File.WriteAllTextAsync(early.File("hooks.yaml"), overture.Config("enc"));
        AssertRefused(await overture.Hook("overture-enc", [FakeClassifier.Known], config: early.File("hooks.yaml")), 78,
            "enc.pem is valid from 20");
    }

    [Fact]
    public async Task Enc_ClosedStdout_IsNotSuccess()
    {
        var config = Path.Combine(overture.Pki.Home, "hooks.yaml");
        using var links = new TempDirectory();
        File.CreateSymbolicLink(links.File("overture-enc"), OvertureFixture.Binary);
        var ran = await Shell.Run("sh", "-c",
            $"OVERTURE_HOOKS_CONFIG={config} {links.File("overture-enc")} {FakeClassifier.Known} > /dev/full");
        Assert.NotEqual(0, ran.ExitCode);
    }

    private async Task<Ran> With(string config)
    {
        var file = Path.Combine(overture.Pki.Home, $"hooks-{Guid.CreateVersion7()}.yaml");
        await File.WriteAllTextAsync(file, config);
        return await overture.Hook("overture-enc", [FakeClassifier.Known], config: file);
    }

    private static void AssertRefused(Ran ran, int exit, string told)
    {
        ran.Exit(exit).Says(told);
        Assert.Equal("", ran.Output);
        Assert.StartsWith("overture-enc", ran.Errors, StringComparison.Ordinal);
        Assert.Single(ran.Errors.TrimEnd('\n').Split('\n'));
    }
}
