using System.Text.RegularExpressions;
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
        "certificate list", "certificate expiring", "certificate show", "certificate revoke", "certificate requests", "certificate approve",
        "certificate deny", "audit verify",
        "audit explain", "audit list",
        "pki init", "ca init", "ca import", "ca export", "ca admin-cert", "registry init", "health", "completion", "version",
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
    [InlineData("lunch", "overture has no command 'lunch'; did you mean launch?")]
    [InlineData("instance shwo 4f1c", "overture instance has no command 'shwo'; did you mean show?\nnext: ")]
    [InlineData("terminate 4f1c", "did you mean instance terminate?\nnext: ")]
    [InlineData("launch -c x --wiat", "overture launch has no option '--wiat'; did you mean --wait?\nnext: ")]
    [InlineData("launch -c x --coun 3", "overture launch has no option '--coun'; did you mean --count?\nnext: ")]
    [InlineData("instance list --outptu json", "overture instance list has no option '--outptu'; did you mean --output?\nnext: ")]
    [InlineData("version now", "'now' is one argument too many for overture version")]
    [InlineData("instance", "next: overture instance --help")]
    [InlineData("instance show", "NAME")]
    [InlineData("instance list --state asleep", "'asleep' is none of requested, launching, ")]
    [InlineData("instance list --condition csr-hold", "did you mean csr-held?")]
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

    [Theory]
    [InlineData("instances list")]
    [InlineData("instance ls")]
    [InlineData("instances ls")]
    public async Task Aliases_DoTheSame(string typed) =>
        Assert.Equal((await overture.Run("instance", "list", "-o", "name")).Exit(0).Output,
            (await overture.Run([.. typed.Split(' '), "-o", "name"])).Exit(0).Output);

    [Theory]
    [InlineData("profiles ls")]
    [InlineData("nodes show web")]
    [InlineData("certificates show web")]
    [InlineData("layer show")]
    public async Task Aliases_OfGroups_AreUnderstood(string typed) =>
        Assert.NotEqual(2, (await overture.Run(typed.Split(' '))).ExitCode);

    [Fact]
    public async Task Aliases_AreNotInHelp()
    {
        var root = (await overture.Run("--help")).Exit(0).Output;
        Assert.Matches("(?m)^  instance +Instances$", root);
        Assert.Matches("(?m)^  profile +Launch profiles", root);
        Assert.DoesNotContain("ls", (await overture.Run("instance", "--help")).Exit(0).Output.Split(' ', ',', '\n'));
    }

    [Fact]
    public async Task Help_OfTheRoot_HasExamplesAndExitCodes()
    {
        var root = (await overture.Run("--help")).Exit(0).Output;
        Assert.Contains("Examples:\n  overture launch", root, StringComparison.Ordinal);
        Assert.Contains("Exit codes:\n  0    done\n", root, StringComparison.Ordinal);
        // The manual's table and the help have the same codes.
        var manual = (await File.ReadAllTextAsync(RepositoryPaths.File("docs/cli.md"))).Split("## Exit codes")[1].Split("\n## ")[0];
        Assert.Equal(Regex.Matches(manual, "(?m)^\\| (\\d+)").Select(m => m.Groups[1].Value),
            Regex.Matches(root.Split("Exit codes:")[1], "(?m)^  (\\d+) ").Select(m => m.Groups[1].Value));
        Assert.Contains("Exit codes:\n  1  an instance was not started", (await overture.Run("launch", "--help")).Exit(0).Output,
            StringComparison.Ordinal);
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
    public async Task Published_Directory_HoldsTheBinaryAlone()
    {
        var files = Directory.GetFiles(Path.GetDirectoryName(OvertureFixture.Binary)!).Select(Path.GetFileName);
        Assert.Equal(["overture"], files);
        // Nothing but the C library: OpenSSL is found at run time.
        var needed = (await Shell.Run("ldd", OvertureFixture.Binary)).Ok();
        Assert.DoesNotContain("ssl", needed, StringComparison.Ordinal);
    }
}
