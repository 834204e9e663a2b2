using System.Net;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>`overture ui`, the published binary, at the real console.</summary>
[Trait("Category", "integration")]
[Collection(ConsoleCollection.Name)]
public sealed class UiTests(ConsoleFixture world)
{
    private static readonly string Binary = Environment.GetEnvironmentVariable("OVERTURE_CLI") is { Length: > 0 } named
        ? named : RepositoryPaths.File("artifacts/cli/overture");

    [Fact]
    public async Task Ui_GivesALink_ThatIsThePersons_Once()
    {
        var ran = await Ui("jo", new Uri(world.Url).Port);
        var link = ran.Ok().Trim();
        Assert.StartsWith($"{world.Url}/enter/", link, StringComparison.Ordinal);
        using var client = world.Client();
        using var entered = await ConsoleFixture.Enter(client, link);
        Assert.Contains("jo (operator)", await client.GetStringAsync("/"), StringComparison.Ordinal);
        using var again = await client.GetAsync(link);
        Assert.Equal(HttpStatusCode.Unauthorized, again.StatusCode);
    }

    [Fact]
    public async Task Ui_OfAHook_IsRefusedWithTheReason()
    {
        var ran = await Ui("enc", new Uri(world.Url).Port);
        Assert.Equal(4, ran.ExitCode);
        Assert.Contains("has other roles than admin, operator and viewer", ran.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ui_AtAnotherParty_SignsNothing()
    {
        // A Conductor is no console, although its certificate is of the same PKI.
        var ran = await Ui("jo", world.ConductorPort);
        Assert.Equal(5, ran.ExitCode);
        Assert.Contains("is not a console", ran.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ui_WithoutAnAddress_SaysWhichKeyIsMissing()
    {
        var ran = await Ui("jo", 0);
        Assert.Equal(78, ran.ExitCode);
        Assert.Contains("console: HOST:PORT", ran.Errors, StringComparison.Ordinal);
    }

    private async Task<Ran> Ui(string party, int port)
    {
        using var home = new TempDirectory();
        var files = world.Pki.Files(party);
        await File.WriteAllTextAsync(home.File("cli.yaml"),
            $$"""
            {{(port > 0 ? $"console: localhost:{port}" : "")}}
            tls: { certificate: "{{files.Certificate}}", key: "{{files.Key}}", roots: "{{files.Roots}}" }
            """);
        return await Shell.Run(Binary, ["ui", "--print", "--config", home.File("cli.yaml")],
            new Dictionary<string, string?>(), null, null, TimeSpan.FromSeconds(60));
    }
}
