using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class ConfigTests(OvertureFixture overture)
{
    [Fact]
    public async Task Config_NoneAnywhere_Is78AndNamesThePlaces()
    {
        using var empty = new TempDirectory();
        (await overture.Run(["health"], new() { ["OVERTURE_HOME"] = null }, directory: empty.Path)).Exit(78)
            .Says($"no configuration: there is no {empty.Path}/.overture/cli.yaml").Says("/etc/overture/cli.yaml")
                .Says("next: run ./run once");
    }

    [Fact]
    public async Task Config_OptionBeatsVariableBeatsHome()
    {
        using var empty = new TempDirectory();
        var good = Path.Combine(overture.Pki.Home, "cli.yaml");
        (await overture.Run(["health", "--config", good], new() { ["OVERTURE_CLI_CONFIG"] = "/nonexistent/a.yaml" })).Exit(0);
        (await overture.Run(["health"], new() { ["OVERTURE_CLI_CONFIG"] = good, ["OVERTURE_HOME"] = empty.Path })).Exit(0);
        (await overture.Run(["health"], new() { ["OVERTURE_CLI_CONFIG"] = "/nonexistent/a.yaml" })).Exit(78)
            .Says("there is no file /nonexistent/a.yaml");
    }

    [Fact]
    public async Task Config_WorkingDirectorysOvertureHome_IsFound()
    {
        using var here = new TempDirectory();
        Directory.CreateSymbolicLink(here.File(".overture"), overture.Pki.Home);
        (await overture.Run(["health"], new() { ["OVERTURE_HOME"] = null }, directory: here.Path)).Exit(0);
    }

    [Theory]
    [InlineData("conductr: localhost:1\n", ":1: conductr is unknown")]
    [InlineData("classifier: a:1\nconductor: localhost\n", ":2: conductor must be HOST:PORT")]
    [InlineData("conductor: user@host:1\n", ":1: conductor must be HOST:PORT")]
    [InlineData("conductor: localhost:1/path\n", ":1: conductor must be HOST:PORT")]
    [InlineData("tls: {certificate: a, keey: b}\n", ":1: keey is unknown")]
    [InlineData("conductor: localhost:1\n", "tls must name certificate, key and roots")]
    [InlineData("tls: [\n", ":")]
    public async Task Config_Wrong_Is78WithItsLine(string yaml, string told)
    {
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("cli.yaml"), yaml);
        (await overture.Run("health", "--config", directory.File("cli.yaml"))).Exit(78)
            .Says($"error: {directory.File("cli.yaml")}").Says(told);
    }

    [Fact]
    public async Task Config_WithoutTheServiceAsked_TellsTheLineToAdd()
    {
        var file = Path.Combine(overture.Pki.Home, "half.yaml");
        await File.WriteAllTextAsync(file,
            $"conductor: localhost:{overture.ConductorPort}\ntls: {{ certificate: pki/admin.pem, key: pki/admin.key, roots: pki/ca.pem "
                + $"}}\n");
        (await overture.Run("certificate", "requests", "--config", file)).Exit(78).Says("does not say where certAuthority is");
        (await overture.Run("instance", "list", "--config", file)).Exit(0);
    }

    [Fact]
    public async Task Health_NotReady_SaysWhyAndIsAliveAllTheSame()
    {
        overture.Health.WhyNot = "the object store does not answer";
        try
        {
            var told = (await overture.Run("health", "--service", "conductor", "-o", "json")).Exit(1).Json()["services"]![0]!;
            Assert.Equal("not serving: the object store does not answer", told["detail"]!.GetValue<string>());
            Assert.Contains("serving", (await overture.Run("health", "--live")).Exit(0).Output, StringComparison.Ordinal);
        }
        finally
        {
            overture.Health.WhyNot = "";
        }
    }

    [Fact]
    public async Task Health_Down_Is1AndSaysWhich()
    {
        var file = Path.Combine(overture.Pki.Home, "down.yaml");
        await File.WriteAllTextAsync(file, overture.Config("admin").Replace($"classifier: localhost:{overture.ClassifierPort}",
            $"classifier: localhost:{FreePort.Next()}", StringComparison.Ordinal));
        var services = (await overture.Run("health", "--config", file, "-o", "json")).Exit(1).Json()["services"]!.AsArray();
        Assert.Equal(["conductor True", "certauthority True", "classifier False"],
            services.Select(s => $"{s!["service"]} {s["serving"]!.GetValue<bool>()}"));
        (await overture.Run("health", "--config", file, "--service", "certauthority")).Exit(0);
        (await overture.Run("instance", "list", "--config", file)).Exit(0);
    }

    [Fact]
    public async Task ServiceDown_Is5AndNamesItsAddress()
    {
        var file = Path.Combine(overture.Pki.Home, "gone.yaml");
        await File.WriteAllTextAsync(file, overture.Config("admin", FreePort.Next()));
        (await overture.Run("instance", "list", "--config", file)).Exit(5).Says("conductor at localhost:")
            .Says("does not answer: Connection refused").Says("next: ");
    }

    [Fact]
    public async Task ClientOfAnotherCa_Is5WithAClearText()
    {
        using var other = new TestPki();
        var file = Path.Combine(other.Home, "cli.yaml");
        // Their roots are ours, so that only the service refuses.
        await File.WriteAllTextAsync(file, overture.Config("admin")
            .Replace("roots: pki/ca.pem", $"roots: {overture.Pki.Home}/pki/ca.pem", StringComparison.Ordinal));
        (await overture.Run("instance", "list", "--config", file)).Exit(5).Says("may not accept our certificate");
    }
}
