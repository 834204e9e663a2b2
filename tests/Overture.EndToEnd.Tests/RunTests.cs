using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>The one command, as a new user types it.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed partial class RunTests(Stack stack)
{
    private static readonly string[] GoodStates = ["REQUESTED", "LAUNCHING", "RUNNING", "CSR_RECEIVED", "SIGNED",
        "CLASSIFIED", "CONVERGED"];

    [Fact]
    public async Task FirstRun_FreshCheckoutBelowA0700HomeWithASpace_Converges()
    {
        var certname = Assert.Single(stack.FirstRun.Select(l => Converged().Match(l)), m => m.Success).Groups[1].Value;
        AssertConverged((await stack.Json("instance", "show", certname))["instance"]!);
    }

    [Fact]
    public async Task Run_HostOutsideItsHome_IsAsItWas() => Assert.Equal(stack.HostBefore, await Stack.HostState());

    [Fact]
    public async Task Run_Instance_AppliedItsClass()
    {
        var certname = (await stack.Launch(1))[0];
        // The instance's /home is its own; the host has no such user.
        var found = await Shell.Run("find", [Path.Combine(stack.Home, "instances", certname), "-path", "*/demo/.ssh/authorized_keys",
            "-size", "+0"], null);
        Assert.NotEmpty(found.Ok().Trim());
        Assert.NotEqual(0, (await Shell.Run("getent", "passwd", "demo")).ExitCode);
    }

    [Fact]
    public async Task Run_Ports_AreThoseOfTheTable()
    {
        var table = File.ReadLines(RepositoryPaths.File("docs/architecture.md"))
            .Where(l => l.StartsWith("| ", StringComparison.Ordinal) && char.IsAsciiDigit(l[2]))
            .Select(l => l.Split('|', StringSplitOptions.TrimEntries))
            .ToDictionary(c => Stack.Port(int.Parse(c[1])), c => c[4]);
        Assert.Equal(13, table.Count);
        var listening = (await Shell.Run("ss", "-ltnHp")).Ok().Split('\n').Where(l => l.Length > 0)
            .Select(l => int.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3].Split(':')[^1]))
            .Where(p => p is >= 20000 + 6000 and <= 20000 + 9000).Distinct().Order();
        Assert.Equal(table.Where(p => p.Value == "yes").Select(p => p.Key).Order(), listening);
    }

    [Fact]
    public async Task Run_PortTaken_SaysWhichAndTouchesNothing()
    {
        using var home = new TempDirectory();
        var ran = await Run(home, []);
        Assert.Equal(1, ran.ExitCode);
        Assert.Contains($"port {Stack.Port(7001)} (CONDUCTOR) is taken", ran.Errors, StringComparison.Ordinal);
        Assert.Contains("next:", ran.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(home.File("etc")));
    }

    [Fact]
    public async Task Run_SameHomeTwice_IsRefused()
    {
        var ran = await Shell.Run(Path.Combine(stack.Checkout, "run"), [], new Dictionary<string, string?> { ["OVERTURE_HOME"] = stack.Home,
            ["OVERTURE_PORT_OFFSET"] = "30000" }, directory: stack.Checkout);
        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("another ./run is using", ran.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NoSdk_SaysWhereItLooked()
    {
        using var home = new TempDirectory();
        // Nothing of dotnet in sight: an empty tmpfs over each place, in a mount namespace of the test's own.
        var ran = await Shell.Run("unshare",
            ["--mount", "bash", "-c",
                "for d in /usr/share/dotnet /usr/lib/dotnet /root/.dotnet; do [ ! -d $d ] || mount -t tmpfs none $d; done; "
                    + "PATH=/usr/sbin:/usr/bin:/sbin:/bin; exec ./run"],
            new Dictionary<string, string?> { ["OVERTURE_HOME"] = home.Path, ["DOTNET_ROOT"] = null, ["HOME"] = home.Path },
                directory: stack.Checkout);
        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("no .NET 10 SDK found", ran.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NotRootAndNoSudo_SaysSo()
    {
        // From a place that user can read.
        using var open = new TempDirectory();
        File.SetUnixFileMode(open.Path, (UnixFileMode)0x1ED); // 0755
        (await Shell.Run("cp", ["-a", Path.Combine(stack.Checkout, "run"), Path.Combine(stack.Checkout, "eng"), open.Path], null)).Ok();
        using var path = new TempDirectory();
        File.SetUnixFileMode(path.Path, (UnixFileMode)0x1ED);
        foreach (var tool in new[] { "bash", "dirname", "realpath", "id", "sed" })
            File.CreateSymbolicLink(path.File(tool), (await Shell.Run("which", tool)).Ok().Trim());
        var ran = await Shell.Run("setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", path.File("bash"), open.File("run")],
            new Dictionary<string, string?> { ["PATH"] = path.Path + ":/nonexistent" });
        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("needs root", ran.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("certauthority")]
    [InlineData("redis")]
    public async Task Run_ProcessDies_IsReportedAtOnceWithItsLastLinesAndStartedAgain(string name)
    {
        var pid = stack.Pid(name);
        await stack.Kill(name);
        await Eventually.True(() => stack.Heard($"{name} ended by signal 9 (KILL)"), "./run says so", TimeSpan.FromSeconds(10));
        await Eventually.True(() => stack.Heard($"the end of {stack.Home}/log/{name}.log:"), "with its last lines");
        await Eventually.True(() => stack.Pid(name) != pid && Directory.Exists($"/proc/{stack.Pid(name)}"), "it is started again");
        await stack.StartedAgain("certauthority");
    }

    [Fact]
    public async Task Run_CtrlC_LeavesNothingBehindAndStartsAgain()
    {
        await stack.StopRun();
        Assert.Empty(HostProcesses.With(stack.Checkout));
        await stack.StartRun();
    }

    private async Task<Ran> Run(TempDirectory home, string[] arguments) => await Shell.Run(
        Path.Combine(stack.Checkout, "run"), arguments, new Dictionary<string, string?> { ["OVERTURE_HOME"] = home.Path,
        ["OVERTURE_PORT_OFFSET"] = "20000" }, directory: stack.Checkout);

    [GeneratedRegex("converged: ([0-9a-f-]{36})$")]
    private static partial Regex Converged();

    internal static void AssertConverged(JsonNode last)
    {
        Assert.Equal("INSTANCE_STATE_CONVERGED", last["state"]!.GetValue<string>());
        Assert.Matches("^[0-9a-f]{8}-[0-9a-f]{4}-4", last["certname"]!.GetValue<string>());
        Assert.Matches("^[0-9a-f]{32}$", last["traceId"]!.GetValue<string>());
        var states = last["states"]!.AsArray();
        Assert.Equal(GoodStates, states.Select(s => s!["state"]!.GetValue<string>()["INSTANCE_STATE_".Length..]));
        var times = states.Select(s => DateTimeOffset.Parse(s!["at"]!.GetValue<string>())).ToList();
        Assert.Equal(times.Order(), times);
    }
}
