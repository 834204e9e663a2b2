using System.Diagnostics;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>overture instance terminate of many: which, after what question, and what is said meanwhile.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class TerminateTests(OvertureFixture overture)
{
    private readonly string team = TestIds.New().Unguessable();

    [Fact]
    public async Task Labels_Yes_EndsThoseThatHaveThemAll()
    {
        var (web, build, other) = (Add(("role", "web")), Add(("role", "build")), Add(("role", "web"), ("stage", "production")));
        var ran = (await overture.Run("instance", "terminate", "-l", $"team={team},stage!=production", "-l", "role=web", "--yes")).Exit(0)
            .Says($"{web}  terminating").Says($"{web}  terminated");
        Assert.Contains(web, ran.Output, StringComparison.Ordinal);
        Assert.Equal([web], Ended(web, build, other));
    }

    [Fact]
    public async Task Selected_NoTerminalToAskAt_ListsThemAndDoesNothing()
    {
        var (one, two) = (Add(), Add());
        (await overture.Run("instance", "terminate", "-l", $"team={team}")).Exit(2).Says(one).Says(two)
            .Says("nothing was done: there is no terminal to ask whether to terminate these 2 instances").Says("next: add --yes");
        Assert.Empty(Ended(one, two));
    }

    [Theory]
    [InlineData(3, "y", true)]
    [InlineData(3, "", false)]
    [InlineData(11, "y", false)]
    [InlineData(11, "11", true)]
    public async Task Selected_OnATerminal_IsAskedAndMoreThanTenByTheirNumber(int count, string typed, bool ends)
    {
        var names = Enumerable.Range(0, count).Select(_ => Add()).ToArray();
        var command = $"OVERTURE_HOME={overture.Pki.Home} {OvertureFixture.Binary} instance terminate -l team={team}";
        var ran = await Shell.Run("bash", "-c", $"printf '{typed}\\n' | script -qec '{command}' /dev/null");
        Assert.Contains(count > 10 ? "type 11 to terminate these 11 instances:" : "terminate these 3 instances? [y/N]", ran.Output,
            StringComparison.Ordinal);
        Assert.Equal(!ends, ran.Output.Contains("nothing was done", StringComparison.Ordinal));
        Assert.Equal((ends ? 0 : 1, ends ? count : 0), (ran.ExitCode, Ended(names).Count()));
    }

    [Fact]
    public async Task Nothing_OrBoth_OrNoSuchState_IsRefusedWithWhatToGive()
    {
        var name = Add();
        (await overture.Run("instance", "terminate")).Exit(2).Says("give names, or choose by --label, --profile, --state or the like");
        (await overture.Run("instance", "terminate", "--yes")).Exit(2).Says("give names, or choose by");
        (await overture.Run("instance", "terminate", name, "-l", $"team={team}")).Exit(2).Says("not both");
        (await overture.Run("instance", "terminate", "-l", "", "--yes")).Exit(2).Says("--label is empty");
        (await overture.Run("instance", "terminate", "--state", "dead")).Exit(2).Says("'dead' is none of requested, ");
        (await overture.Run("instance", "terminate", "--state", "", "--yes")).Exit(2).Says("--state is empty");
        (await overture.Run("instance", "terminate", "--profile", "", "--state", "converged", "--yes")).Exit(2).Says("--profile is empty");
        Assert.Empty(Ended(name));
        (await overture.Run("instance", "terminate", "-l", "team=none", "--state", "converged,running")).Exit(0)
            .Says("no instance is selected");
    }

    [Fact]
    public async Task NoWait_EndsOnceItIsWrittenDown()
    {
        var name = overture.Conductor.Add(TestIds.New().Unguessable(), image: "slow to end").Certname;
        var ran = (await overture.Run("instance", "terminate", name, "--wait=false", "-o", "json")).Exit(0);
        Assert.Equal("INSTANCE_STATE_TERMINATING", ran.Json()["instances"]![0]!["state"].Text());
        (await overture.Run("instance", "terminate", name)).Exit(5).Says("it continues by itself");
    }

    [Fact]
    public async Task Steps_AsTheyCome_AreSaidOfEachAndOnlyOnce()
    {
        var names = Enumerable.Range(0, 3).Select(_ => overture.Conductor.Add(TestIds.New().Unguessable(), image: "ends in steps").Certname)
            .ToArray();
        var ran = (await overture.Run(["instance", "terminate", .. names])).Exit(0);
        foreach (var name in names)
        {
            Assert.Equal(
                [$"{name}  terminating", $"{name}  CertAuthority has confirmed", $"{name}  waits for the\\u001b provider",
                    $"{name}  it is archived", $"{name}  terminated"],
                ran.Errors.Split('\n').Where(l => l.Contains(name, StringComparison.Ordinal)).Select(l => l[10..]));
        }
        Assert.DoesNotContain("evil", ran.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Steps_OnATerminal_AreOneLineForEachInPlace()
    {
        var names = Enumerable.Range(0, 2).Select(_ => overture.Conductor.Add(TestIds.New().Unguessable(), image: "ends in steps").Certname)
            .ToArray();
        var command = $"OVERTURE_HOME={overture.Pki.Home} TERM=xterm {OvertureFixture.Binary} instance terminate {string.Join(' ', names)}";
        var ran = await Shell.Run("script", "-qec", $"stty cols 200; {command}", "/dev/null");
        Assert.Equal(0, ran.ExitCode);
        Assert.Contains("CertAuthority has confirmed", ran.Output, StringComparison.Ordinal);
        Assert.Contains("1 of 2 over", ran.Output, StringComparison.Ordinal);
        // Cleared in the end: what stays is the table.
        var rest = ran.Output[ran.Output.LastIndexOf("CERTNAME", StringComparison.Ordinal)..];
        Assert.DoesNotContain(" over", rest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CtrlC_SaysOfEachWhetherItGoesOn()
    {
        var going = Enumerable.Range(0, 8).Select(_ => overture.Conductor.Add(TestIds.New().Unguessable(), image: "ends never").Certname)
            .ToArray();
        var waiting = Add();
        var start = new ProcessStartInfo(OvertureFixture.Binary, ["instance", "terminate", .. going, waiting])
            { RedirectStandardError = true, RedirectStandardOutput = true, Environment = { ["OVERTURE_HOME"] = overture.Pki.Home } };
        using var process = Process.Start(start)!;
        var (errors, output) = (process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        await Eventually.True(() => Ended(going).Count() == going.Length, "all eight are asked for", TimeSpan.FromMinutes(1));
        (await Shell.Run("kill", "-INT", $"{process.Id}")).Ok();
        var (said, _) = (await errors, await output);
        await process.WaitForExitAsync();
        Assert.Equal(130, process.ExitCode);
        Assert.All(going, name => Assert.Contains($"{name}  goes on by itself", said, StringComparison.Ordinal));
        Assert.Contains($"{waiting}  was not begun", said, StringComparison.Ordinal);
        Assert.Contains("next: overture instance list --state terminating", said, StringComparison.Ordinal);
    }

    private string Add(params (string Key, string Value)[] labels)
    {
        var instance = overture.Conductor.Add(TestIds.New().Unguessable());
        instance.Labels.Add("team", team);
        foreach (var (key, value) in labels)
            instance.Labels.Add(key, value);
        return instance.Certname;
    }

    private IEnumerable<string> Ended(params string[] names) =>
        names.Where(n => overture.Conductor.Terminations.Any(t => t.Certname == n));
}
