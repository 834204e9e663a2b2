using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>Several sites in one file: overture config, --context and OVERTURE_CONTEXT.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class ContextTests(OvertureFixture overture) : IDisposable
{
    private readonly TempDirectory home = new();

    private string Contexts => Path.Combine(home.Path, "overture", "contexts.yaml");

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task SetAndUse_Context_IsWhatCommandsWorkWith()
    {
        (await Run("config", "current-context")).Exit(78).Says($"{Contexts} has no current context; it has no contexts");
        (await Set("here")).Exit(0).Says("next: overture config use-context here");
        (await Set("gone", FreePort.Next())).Exit(0);
        (await Run("health")).Exit(78).Says($"and no current context in {Contexts}");
        Assert.Equal("the current context is here\n", (await Run("config", "use-context", "here")).Exit(0).Output);
        (await Run("instance", "list")).Exit(0);
        Assert.Equal("here\n", (await Run("config", "current-context")).Exit(0).Output);
        (await Run("instance", "list", "--context", "gone")).Exit(5).Says("does not answer");
        (await With(new() { ["OVERTURE_CONTEXT"] = "gone" }, "instance", "list")).Exit(5);
        (await With(new() { ["OVERTURE_CONTEXT"] = "gone" }, "instance", "list", "--context", "here")).Exit(0);
        // One more from a script, which names the file.
        (await overture.Run("instance", "list", "--config", Contexts, "--context", "here")).Exit(0);
        Assert.Equal(["here", "gone"], (await Run("config", "get-contexts", "-o", "name")).Exit(0).Output.TrimEnd('\n').Split('\n'));
        var table = (await Run("config", "get-contexts")).Exit(0).Output.Split('\n');
        Assert.Matches($"^\\*  +here  +localhost:{overture.ConductorPort}  +{overture.Pki.Home}/pki/admin.pem$", table[1]);
        Assert.Matches("^ +gone ", table[2]);
    }

    [Fact]
    public async Task Write_IsWholeAndForTheOwnerAlone()
    {
        (await Set("one")).Exit(0);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Contexts));
        Assert.Equal([Contexts], Directory.GetFiles(Path.GetDirectoryName(Contexts)!));
        // What is not given stays; a relative path is of the directory it was typed in.
        (await overture.Run(["config", "set-context", "one", "--cert", "other.pem", "--use"], Environment([]), directory: home.Path))
            .Exit(0).Says($"warning: there is no file {home.Path}/other.pem");
        var shown = (await Run("config", "view", "-o", "json")).Exit(0).Json();
        Assert.Equal("one", shown["currentContext"].Text());
        var one = shown["contexts"]!["one"]!;
        Assert.Equal(($"localhost:{overture.ConductorPort}", $"{home.Path}/other.pem", $"{overture.Pki.Home}/pki/admin.key"),
            (one["conductor"].Text(), one["tls"]!["certificate"].Text(), one["tls"]!["key"].Text()));
    }

    [Fact]
    public async Task Unknown_Context_NamesTheFileAndThoseThereAre()
    {
        await Set("production");
        await Set("staging");
        (await Run("config", "use-context", "prodcution")).Exit(78)
            .Says($"there is no context prodcution in {Contexts}; there are production, staging; did you mean production?")
            .Says("next: overture config get-contexts");
        (await Run("health", "--context", "prod")).Exit(78).Says("there are production, staging");
    }

    [Fact]
    public async Task Delete_CurrentContext_LeavesNone()
    {
        await Set("one");
        (await Set("two", null, "--use")).Exit(0);
        (await Run("config", "delete-context", "two")).Exit(0)
            .Says("no context is the current one now; next: overture config use-context one");
        (await Run("config", "current-context")).Exit(78).Says("has no current context; there are one");
        Assert.Equal("one\n", (await Run("config", "get-contexts", "-o", "name")).Exit(0).Output);
    }

    [Fact]
    public async Task View_KeyInPlaceOfItsPath_IsNeverPrinted()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Contexts)!);
        await File.WriteAllTextAsync(Contexts, """
            currentContext: odd
            contexts:
              odd:
                conductor: localhost:1
                tls:
                  certificate: a.pem
                  roots: b.pem
                  key: |
                    -----BEGIN PRIVATE KEY-----
                    c2VjcmV0
                    -----END PRIVATE KEY-----
            """);
        foreach (var ran in new[] { await Run("config", "view"), await Run("config", "view", "-o", "json"), await Run("config",
            "get-contexts", "-o", "yaml"), (await Run("health")).Exit(78).Says("key must be the path of a PEM file, not its contents"),
            await Run("config", "set-context", "odd", "--conductor", "localhost:2") })
        {
            Assert.DoesNotContain("c2VjcmV0", ran.Output + ran.Errors, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("contexts: {a: {conductr: h:1, tls: {certificat: x}}}\n",
        ":1: conductr is unknown; is conductor meant?", ":1: certificat is unknown")]
    [InlineData("contexts: {a: b}\ncurrentContxt: a\n",
        ":1: a must hold conductor", ":2: currentContxt is unknown; is currentContext meant?")]
    [InlineData("contexts:\n  'a b': {}\n", ":2: a b is no name", "")]
    public async Task File_Wrong_NamesEveryMistakeByLine(string yaml, string first, string second)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Contexts)!);
        await File.WriteAllTextAsync(Contexts, yaml);
        (await Run("health", "--context", "a")).Exit(78).Says($"error: {Contexts}{first}").Says(second);
    }

    [Fact]
    public async Task FileOfOneSite_WorksAsEver()
    {
        (await Set("gone", FreePort.Next(), "--use")).Exit(0);
        // OVERTURE_HOME and --config go before the current context.
        var own = new Dictionary<string, string?> { ["OVERTURE_HOME"] = overture.Pki.Home };
        (await With(own, "instance", "list")).Exit(0);
        (await Run("instance", "list", "--config", Path.Combine(overture.Pki.Home, "cli.yaml"))).Exit(0);
        (await With(own, "config", "use-context", "gone")).Exit(0).Says("warning: OVERTURE_HOME, with its");
        (await Run("instance", "list", "--config", Path.Combine(overture.Pki.Home, "cli.yaml"), "--context", "gone")).Exit(78)
            .Says("is the configuration of one site and has no context gone");
        (await Run("config", "get-contexts", "--config", Path.Combine(overture.Pki.Home, "cli.yaml"))).Exit(78)
            .Says("is the configuration of one site and has no contexts");
    }

    [Theory]
    [InlineData("--conductor localhost", "--conductor must be HOST:PORT")]
    [InlineData("--conductor localhost:1", "the context new needs --cert and --key and --ca")]
    public async Task Set_Incomplete_WritesNothing(string options, string message)
    {
        (await Run(["config", "set-context", "new", .. options.Split(' ')])).Exit(2).Says(message);
        Assert.False(File.Exists(Contexts));
    }

    private Task<Ran> Set(string name, int? port = null, params string[] more) => Run(["config", "set-context", name, "--conductor",
        $"localhost:{port ?? overture.ConductorPort}", "--cert-authority", $"localhost:{port ?? overture.CertAuthorityPort}",
        "--classifier", $"localhost:{port ?? overture.ClassifierPort}", "--ca", $"{overture.Pki.Home}/pki/ca.pem", "--cert",
        $"{overture.Pki.Home}/pki/admin.pem", "--key", $"{overture.Pki.Home}/pki/admin.key", .. more]);

    private Task<Ran> Run(params string[] arguments) => With([], arguments);

    private Task<Ran> With(Dictionary<string, string?> environment, params string[] arguments) =>
        overture.Run(arguments, Environment(environment), directory: home.Path);

    private Dictionary<string, string?> Environment(Dictionary<string, string?> more) =>
        new Dictionary<string, string?> { ["OVERTURE_HOME"] = null, ["OVERTURE_CONTEXT"] = null, ["XDG_CONFIG_HOME"] = home.Path }
            .Concat(more).GroupBy(v => v.Key).ToDictionary(v => v.Key, v => v.Last().Value);
}
