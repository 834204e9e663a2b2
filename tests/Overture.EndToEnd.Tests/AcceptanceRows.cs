using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// docs/puppet-contracts.md §10, rows 29-34: real agents, a real puppetserver without a CA of its own, our node classifier and report
/// intake.
/// </summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class AcceptanceRows(Stack stack)
{
    private const string Nothing = "classes: {}\nparameters: {}\nenvironment: production\n";
    private const string Told =
        "classes:\n  told: {}\nparameters:\n  role: web\n  switch: on\n  day: 2010-01-02\n  number: 0123\nenvironment: staging\n";

    [Fact]
    public async Task Row29_AgentRun_AsksTheClassifierTwiceAndLaterOnce()
    {
        using var node = await Certified(Nothing);
        await using var calls = await WatchedEnc.Place(stack);

        var first = await Run(node);
        Assert.True(first.ExitCode is 0 or 2, $"{first.Output}\n{first.Errors}");
        Assert.Equal([node.Certname, node.Certname], calls.Of(node));

        (await Run(node)).Ok();
        Assert.Equal(3, calls.Of(node).Count);
    }

    [Fact]
    public async Task Row30_AgentRun_AfterRevocation_FailsInTlsWithoutARestart()
    {
        using var node = await Certified(Nothing);
        var server = stack.Pid("puppetserver");
        (await Run(node)).Ok();

        (await stack.Overture("certificate", "revoke", node.Certname, "--reason", "row 30")).Ok();

        // The classifier may refuse the node some seconds before the puppetserver has read the new CRL: such a run fails too, but it is not
        // the promise of this row.
        // Java's alert for a revoked certificate is "certificate unknown".
        await Eventually.True(async () => await Run(node) is { ExitCode: not 0 } failed
            && (failed.Output + failed.Errors).Contains("alert certificate", StringComparison.Ordinal),
            "the agent's run fails in TLS");
        Assert.Equal(server, stack.Pid("puppetserver"));
        Assert.True(Directory.Exists($"/proc/{server}"));
    }

    [Fact]
    public async Task Row31_Enc_KnownUnknownAndDown()
    {
        using var node = await Certified(Told);
        using var enc = new LocalEnc(stack);

        var known = (await enc.Ask(node.Certname)).Ok();
        foreach (var part in new[] { "\"classes\":", "\"told\":", "\"parameters\":", "\"role\": \"web\"", "\"environment\": \"staging\"" })
            Assert.Contains(part, known, StringComparison.Ordinal);
        Assert.Contains("role=web", (await enc.Apply(node.Certname)).Ok(), StringComparison.Ordinal);

        // This name is unknown: the run fails, and nothing is applied.
        var unknown = await enc.Apply("row31.example.org");
        Assert.Equal(1, unknown.ExitCode);
        Assert.DoesNotContain("role=", unknown.Output, StringComparison.Ordinal);

        enc.Break();
        var down = await enc.Ask(node.Certname);
        Assert.NotEqual(0, down.ExitCode);
        Assert.Equal("", down.Output);
        Assert.InRange(down.Took.TotalSeconds, 0, 10);
    }

    [Fact]
    public async Task Row32_PuppetApply_ThroughTheEnc_StringsStayStrings()
    {
        using var node = await Certified(Told);
        using var enc = new LocalEnc(stack);

        var applied = (await enc.Apply(node.Certname)).Ok();

        Assert.Contains("role=web strings=true switch=on day=2010-01-02 number=0123", applied, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Row33_EnvironmentOfTheNode_WinsAndIsKept()
    {
        // Launched for staging: that is where the Conductor expects it to run.
        using var launch = new TempDirectory();
        await File.WriteAllTextAsync(launch.File("staging.yaml"), (await File.ReadAllTextAsync(stack.Example))
            .Replace("environment: production", "environment: staging", StringComparison.Ordinal));
        using var node = await Certified(Told, launch.File("staging.yaml"));
        var environment = Path.Combine(stack.Home, "puppetserver/code/environments/staging");
        LocalEnc.WriteTold(environment);
        (await Shell.Run("chmod", ["-R", "a+rX", environment], null)).Ok();

        var first = await Run(node);

        Assert.True(first.ExitCode is 0 or 2, $"{first.Output}\n{first.Errors}");
        Assert.Contains("switching agent to 'staging'", first.Output, StringComparison.Ordinal);
        Assert.Contains("role=web", first.Output, StringComparison.Ordinal);
        Assert.Contains("\nenvironment: staging\n", await File.ReadAllTextAsync($"{node.Directory}/v/state/last_run_report.yaml"),
            StringComparison.Ordinal);
        await Eventually.True(async () => await stack.State(node.Certname) == "INSTANCE_STATE_CONVERGED",
            "the run counts, in the environment that was assigned");

        Assert.Equal(1, await NodeGets(node, 1));
        var second = await Run(node);
        Assert.True(second.ExitCode is 0 or 2, $"{second.Output}\n{second.Errors}");
        Assert.DoesNotContain("switching agent", second.Output, StringComparison.Ordinal);
        Assert.Equal(1, await NodeGets(node, 2));
    }

    [Fact]
    public async Task Row34_Reports_OnlyARealRunConverges()
    {
        using var node = await Certified("classes:\n  no_such_class: {}\nparameters: {}\nenvironment: production\n");

        // 1. Fails to compile.
        Assert.NotEqual(0, (await Run(node)).ExitCode);
        await NotConverged(node, 1);
        // 2. Compiles, and only looks.
        await Define(node, Nothing);
        (await Run(node, "--noop")).Ok();
        await NotConverged(node, 2);
        // 3. Applies what the run before left: one that sent no report (a noop run leaves none).
        (await Run(node, "--no-report")).Ok();
        (await Run(node, "--use_cached_catalog")).Ok();
        await NotConverged(node, 3);
        // 4. A run.
        (await Run(node)).Ok();
        await Eventually.True(async () => await stack.State(node.Certname) == "INSTANCE_STATE_CONVERGED", "the run counts");
    }

    private async Task NotConverged(Registered node, int reports)
    {
        await Eventually.True(async () => (await File.ReadAllLinesAsync(Path.Combine(stack.Home, "log/conductor.log")))
            .Count(l => l.Contains($"report of {node.Certname}", StringComparison.Ordinal)) >= reports, $"report {reports} is worked off");
        Assert.NotEqual("INSTANCE_STATE_CONVERGED", await stack.State(node.Certname));
    }

    // The server writes its line when the answer is out: by the catalog of the given run it has written those of the node before.
    private async Task<int> NodeGets(Registered node, int run)
    {
        var lines = Array.Empty<string>();
        await Eventually.True(async () =>
        {
            lines = await File.ReadAllLinesAsync(Path.Combine(stack.Home, "puppetserver/log/puppetserver-access.log"));
            return lines.Count(l => l.Contains($"PUT /puppet/v3/report/{node.Certname}", StringComparison.Ordinal)) >= run;
        }, "the server logged the run");
        return lines.Count(l => Regex.IsMatch(l, $"GET /puppet/v3/node/{node.Certname}"));
    }

    private async Task<Registered> Certified(string definition, string? launch = null)
    {
        var node = await Registered.Create(stack, launch: launch);
        await Define(node, definition);
        (await stack.Agent(node.Directory, node.Certname, "ssl", "bootstrap")).Ok();
        return node;
    }

    private async Task Define(Registered node, string definition) =>
        (await stack.Overture(["node", "set", node.Certname, "-f", "-", "--reason", "an acceptance row"], definition)).Ok();

    private Task<Ran> Run(Registered node, params string[] more) => stack.Agent(node.Directory, node.Certname,
        ["agent", "-t", "--no-usecacheonfailure", .. more]);
}
