using Overture.Conductor.Launch;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>User data with a reporter in it.</summary>
public sealed class ReporterScriptTests
{
    private static readonly CertName Name = CertName.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");
    private static readonly Reporter Reporter = new(new Uri("https://conductor.example.com:8145"), new string('f', 64));

    [Fact]
    public void Render_WithReporter_IsFarBelowTheLimit()
    {
        var text = Render(Bundle(31));
        Assert.Contains("OVERTURE_REPORTER", text, StringComparison.Ordinal);
        Assert.InRange(text.Length, 1, 12 * 1024);
        Assert.Equal(text, Render(Bundle(31)));
    }

    [Fact]
    public void Render_WhereThereIsNoRoomForIt_LeavesItOut()
    {
        var full = $"x: {new string('x', UserData.RoomForUsers - 5)}";
        var text = Render(Bundle(31) + Bundle(31), full);
        Assert.DoesNotContain("OVERTURE_REPORTER", text, StringComparison.Ordinal);
        Assert.InRange(text.Length, UserData.RoomForUsers, UserData.MaxBytes);
    }

    [Fact]
    public void Script_OfAValueThatNoRuleAllows_IsRefused() =>
        Assert.Throws<ArgumentException>(() => (Reporter with { Token = "\"+exit()+\"" }).Script(Name));

    /// <summary>Debian 12's cloud-init 22.4.2 and Debian 13's 25.1, each with its Python.</summary>
    [Theory]
    [InlineData("host")]
    [InlineData("trixie-agent")]
    [Trait("Category", "integration")]
    public async Task Render_WithReporter_PassesSchemaAndPython(string image)
    {
        using var directory = new TempDirectory();
        await using var rooted = image == "host" ? null : await RootedHost.Start(await RootFileSystem.Get(image));
        await Put("user-data", Render(Bundle(12)));
        await Put("reporter", Reporter.Script(Name));
        Assert.Contains("Valid", (await Run("cloud-init", "schema", "--config-file", Path("user-data"))).Ok(), StringComparison.Ordinal);
        (await Run("python3", "-c", $"compile(open('{Path("reporter")}').read(), 'reporter', 'exec')")).Ok();
        Assert.NotEqual(0, (await Run("python3", "-c", $"compile(open('{Path("reporter")}').read() + ' x', 'reporter', 'exec')")).ExitCode);

        string Path(string file) => rooted is null ? directory.File(file) : $"/var/tmp/{file}";
        Task Put(string file, string text) => rooted is null ? File.WriteAllTextAsync(Path(file), text) : rooted.Write(Path(file), text);
        Task<Ran> Run(params string[] command) => rooted is null ? Shell.Run(command[0], command[1..]) : rooted.Run(command);
    }

    private static string Bundle(int lines) =>
        $"-----BEGIN CERTIFICATE-----\n{string.Concat(Enumerable.Range(0, lines).Select(Entropy))}-----END CERTIFICATE-----\n";

    // As a certificate is: nothing that compresses.
    private static string Entropy(int line) => Convert.ToBase64String(
        System.Security.Cryptography.SHA384.HashData([(byte)line])) + "\n";

    private static string Render(string bundle, string cloudConfig = "")
    {
        var spec = LaunchPlan.From(ConductorFixture.Spec(s => s.Puppet.CaServer = "ca.example.com"), "file:/x", _ => new FakeProvider())
            .Spec;
        spec.CloudConfig = cloudConfig;
        return UserData.Render(Name, spec, "production", new string('a', 52), bundle, reporter: Reporter);
    }
}
