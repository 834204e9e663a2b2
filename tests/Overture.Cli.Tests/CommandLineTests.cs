using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class CommandLineTests(OvertureFixture overture)
{
    public static readonly TheoryData<string> Verbs =
    [
        "launch", "instance list", "instance show", "instance watch", "instance timeline", "instance register", "instance terminate",
        "node list", "node show", "node set", "node delete",
        "certificate list", "certificate expiring", "certificate show", "certificate revoke", "certificate requests", "certificate approve", "certificate deny", "audit verify",
        "audit explain", "audit list",
        "pki init", "ca init", "ca import", "ca admin-cert", "registry init", "health", "completion", "version",
    ];

    [Theory, MemberData(nameof(Verbs))]
    public async Task Help_EveryVerb_HasExamplesOnStdout(string verb)
    {
        var ran = (await overture.Run([.. verb.Split(' '), "--help"])).Exit(0);
        Assert.Contains("Examples:\n  ", ran.Output, StringComparison.Ordinal);
        Assert.Contains($"overture {verb}", ran.Output, StringComparison.Ordinal);
        Assert.Equal("", ran.Errors);
    }

    [Theory, MemberData(nameof(Verbs))]
    public async Task Manual_EveryVerb_IsThere(string verb) =>
        Assert.Contains($"overture {verb}", await File.ReadAllTextAsync(RepositoryPaths.File("docs/cli.md")), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "Required command")]
    [InlineData("lunch", "lunch")]
    [InlineData("instance", "next: overture instance --help")]
    [InlineData("instance show", "NAME")]
    [InlineData("instance list --state asleep", "asleep")]
    [InlineData("instance list -o xml", "xml")]
    [InlineData("instance list -o", "'-o'")]
    [InlineData("launch", "give either -c FILE or --profile NAME")]
    [InlineData("launch -c x --count many", "many")]
    [InlineData("launch -c x --timeout soon", "'soon' is not a duration")]
    [InlineData("completion tcsh", "tcsh")]
    public async Task WrongArguments_Are2AndToldOnStderr(string arguments, string told)
    {
        var ran = (await overture.Run(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Exit(2).Says("error: ").Says(told);
        Assert.Equal("", ran.Output);
    }

    [Fact]
    public async Task WrongArguments_WithJson_AreAnObjectOnStderr() =>
        Assert.Equal(2, System.Text.Json.Nodes.JsonNode.Parse((await overture.Run("instance", "show", "-o", "json"))
            .Exit(2).Errors)!["error"]!["exitCode"]!.GetValue<int>());

    [Fact]
    public async Task Argument_BeginningWithAt_IsNoFile() => (await overture.Run("instance", "show", "@/etc/passwd")).Exit(3)
        .Says("no instance @/etc/passwd");

    [Fact]
    public async Task Version_Json_IsADocument() => Assert.Matches(@"^\d+\.\d+\.\d+$",
        (await overture.Run("version", "-o", "json")).Exit(0).Json()["version"].Text());

    [Fact]
    public async Task Completion_Bash_IsValidAndCompletesVerbsAndOptions()
    {
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("overture.bash"), (await overture.Run("completion", "bash")).Exit(0).Output);
        (await Shell.Run("bash", "-n", directory.File("overture.bash"))).Ok();
        var asked = await Shell.Run("bash", "-c", $"""
            . {directory.File("overture.bash")}
            ask() {"{"} COMP_LINE="$*"; COMP_POINT=${"{"}#COMP_LINE{"}"}; COMP_WORDS=("{OvertureFixture.Binary}" "${"{"}@:2{"}"}"); COMP_CWORD=$((${"{"}#COMP_WORDS[@]{"}"} - 1)); _overture; echo "${"{"}COMPREPLY[*]{"}"}"; {"}"}
            ask overture inst
            ask overture instance te
            ask overture launch --co
            ask overture instance list --state conv
            """);
        Assert.Equal(["instance", "terminate", "--config --count", "converged"], asked.Ok().TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("zsh", "#compdef overture")]
    [InlineData("fish", "complete -c overture")]
    public async Task Completion_OtherShells_AskTheBinary(string shell, string has)
    {
        var script = (await overture.Run("completion", shell)).Exit(0).Output;
        Assert.Contains(has, script, StringComparison.Ordinal);
        Assert.Contains("[suggest:", script, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Published_Directory_HoldsTheBinaryAlone()
    {
        var files = Directory.GetFiles(Path.GetDirectoryName(OvertureFixture.Binary)!).Select(Path.GetFileName);
        Assert.Equal(["overture"], files);
        // Nothing but the C library: OpenSSL is found at run time.
        var needed = (await Shell.Run("ldd", OvertureFixture.Binary)).Ok();
        Assert.DoesNotContain("ssl", needed, StringComparison.Ordinal);
    }
}
