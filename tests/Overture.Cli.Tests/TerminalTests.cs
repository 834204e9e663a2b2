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

    [Fact]
    public async Task List_TooWideForTheTerminal_KeepsCertnamesWhole()
    {
        var profile = $"p-{Guid.CreateVersion7()}";
        var name = overture.Conductor.Add(TestIds.New().Unguessable(), InstanceState.CsrReceived, profile: profile).Certname;
        Assert.Contains("╭", await OnTerminal($"instance list --profile {profile}", 200), StringComparison.Ordinal);
        var narrow = await OnTerminal($"instance list --profile {profile}", 60);
        Assert.Contains(name, narrow, StringComparison.Ordinal);
        Assert.DoesNotContain("╭", narrow, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_OnTerminal_IsIndented() => Assert.Contains("{\r\n  \"version\"", await OnTerminal("version -o json", 80),
        StringComparison.Ordinal);

    private async Task<string> OnTerminal(string arguments, int columns, string environment = "")
    {
        var command =
            $"stty cols {columns} rows 50; TERM=xterm-256color OVERTURE_HOME={overture.Pki.Home} {environment}{OvertureFixture.Binary} "
                + $"{arguments}";
        return (await Shell.Run("script", "-qec", command, "/dev/null")).Exit(0).Output;
    }
}
