using System.Text.RegularExpressions;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>On a terminal, which script(1) gives.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class TerminalTests(OvertureFixture overture)
{
    [Fact]
    public async Task Launch_Waiting_ShowsALiveLineAndEndsWithATable()
    {
        var output = await OnTerminal($"launch -c {RepositoryPaths.File("examples/start_instance.yaml")} --wait", 160);
        Assert.Contains("converged", output, StringComparison.Ordinal);
        Assert.Contains("╭", output, StringComparison.Ordinal);
        Assert.Contains("\u001b[", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Launch_NoColor_HasNoColours()
    {
        var output = await OnTerminal($"launch -c {RepositoryPaths.File("examples/start_instance.yaml")} --wait", 160, "NO_COLOR=1 ");
        Assert.DoesNotMatch("\u001b\\[[0-9;]*m", output.Replace("\u001b[0m", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(80)]
    [InlineData(60)]
    [InlineData(25)]
    public async Task List_TooWideForTheTerminal_IsShortenedInTheMiddle(int columns)
    {
        var profile = $"p-{Guid.CreateVersion7()}-{new string('x', 30)}";
        var name = overture.Conductor.Add(TestIds.New().Unguessable(), InstanceState.CsrReceived, profile: profile).Certname;
        Assert.Contains("╭", await OnTerminal($"instance list --profile {profile}", 240), StringComparison.Ordinal);
        var narrow = await OnTerminal($"instance list --profile {profile}", columns);
        var lines = Regex.Replace(narrow, "\u001b(=|>|\\[\\?1[hl])", "").Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.All(lines, l => Assert.InRange(l.Length, 1, columns));
        Assert.Contains('…', lines[1]);
        if (columns < 60)
            return;
        // Both ends of the certname are there.
        var shown = lines[1].Split(' ')[0].Split('…');
        Assert.StartsWith(shown[0], name, StringComparison.Ordinal);
        Assert.EndsWith(shown[^1], name, StringComparison.Ordinal);
        Assert.True(shown[0].Length >= 4 && shown[^1].Length >= 3, lines[1]);
        // A pipe gets all of it, whatever the terminal.
        var piped = (await overture.Run("instance", "list", "--profile", profile)).Exit(0).Output;
        Assert.Contains(profile, piped, StringComparison.Ordinal);
        Assert.Contains(name, piped, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Error_OnTerminal_IsRedUnlessNoColor()
    {
        Assert.Contains("\u001b[31merror:\u001b[0m", (await Ran("instance show", 80)).Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[31m", (await Ran("instance show", 80, "NO_COLOR=1 ")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_OnTerminal_IsIndented() => Assert.Contains("{\r\n  \"version\"", await OnTerminal("version -o json", 80),
        StringComparison.Ordinal);

    private async Task<string> OnTerminal(string arguments, int columns, string environment = "") =>
        (await Ran(arguments, columns, environment)).Exit(0).Output;

    private Task<Ran> Ran(string arguments, int columns, string environment = "")
    {
        var command =
            $"stty cols {columns} rows 50; TERM=xterm-256color OVERTURE_HOME={overture.Pki.Home} {environment}{OvertureFixture.Binary} "
                + $"{arguments}";
        return Shell.Run("script", "-qec", command, "/dev/null");
    }
}
