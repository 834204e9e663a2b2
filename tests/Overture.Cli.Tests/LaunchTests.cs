using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class LaunchTests(OvertureFixture overture)
{
    private static readonly string Example = RepositoryPaths.File("examples/start_instance.yaml");

    [Fact]
    public async Task Launch_ExampleWithWait_IsOneDocumentWithStatesTimesAndTrace()
    {
        var answer = (await overture.Run("launch", "-c", Example, "--wait", "-o", "json")).Exit(0).Json();
        Assert.True(answer["converged"]!.GetValue<bool>());
        Assert.Equal(Fakes.FakeConductor.Trace, answer["traceId"].Text());
        Assert.Equal(36, answer["requestId"].Text().Length);
        Assert.Equal("INSTANCE_STATE_CONVERGED", answer["state"].Text());
        Assert.Equal(answer["certname"].Text(), answer["instances"]![0]!["certname"].Text());
        Assert.Equal(["INSTANCE_STATE_REQUESTED", "INSTANCE_STATE_CONVERGED"], answer["states"]!.AsArray().Select(s => s!["state"].Text()));
        Assert.All(answer["states"]!.AsArray(), s => Assert.EndsWith("Z", s!["at"].Text(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task Launch_Example_SendsEveryFieldAndTheAbsoluteBucket()
    {
        var id = $"t-{Guid.CreateVersion7()}";
        (await overture.Run("launch", "-c", Example, "--count", "2", "--request-id", id)).Exit(0);
        var sent = Assert.Single(overture.Conductor.Launches, l => l.RequestId == id);
        Assert.Equal(2, sent.Count);
        Assert.Equal($"file:{overture.Pki.Home}/objects", sent.Spec.Bucket);
        Assert.Equal(("local", "host", "small"), (sent.Spec.Provider, sent.Spec.Image, sent.Spec.InstanceType));
        Assert.Equal(new PuppetSettings { Server = "localhost", Serverport = 18140, CaServer = "localhost", CaPort = 18141 },
            sent.Spec.Puppet);
        Assert.Equal("demo", sent.Spec.Node.Classes.Fields["login_allowed"].StructValue.Fields["user"].StringValue);
        Assert.Equal("production", sent.Spec.Node.Environment);
    }

    [Fact]
    public async Task Launch_CountOfThree_ListsThreeAndNoTopLevelName()
    {
        var answer = (await overture.Run("launch", "-c", Example, "--count", "3", "--wait", "-o", "json")).Exit(0).Json();
        Assert.Equal(3, answer["instances"]!.AsArray().Select(i => i!["certname"].Text()).Distinct().Count());
        Assert.Null(answer["certname"]);
    }

    [Fact]
    public async Task Launch_ImageArgument_ReplacesTheFiles()
    {
        var id = $"t-{Guid.CreateVersion7()}";
        (await overture.Run("launch", "-c", Example, "other", "--request-id", id)).Exit(0);
        Assert.Equal("other", Assert.Single(overture.Conductor.Launches, l => l.RequestId == id).Spec.Image);
    }

    [Fact]
    public async Task Launch_InstanceFails_Is1AndTellsWhy()
    {
        var ran = (await overture.Run("launch", "-c", Example, "broken", "--wait", "-o", "json")).Exit(1)
            .Says("run-failed: the first run failed");
        Assert.False(ran.Json()["converged"]!.GetValue<bool>());
        Assert.Equal("CONDITION_TYPE_RUN_FAILED", ran.Json()["instances"]![0]!["conditions"]![0]!["type"].Text());
    }

    [Fact]
    public async Task Launch_ProviderRefuses_Is1() => (await overture.Run("launch", "-c", Example, "refused")).Exit(1)
        .Says("no such image (PROVIDER_FAILED)");

    [Fact]
    public async Task Launch_NotInTime_Is7WithTheStatesSoFar()
    {
        var ran = (await overture.Run("launch", "-c", Example, "stuck", "--wait", "--timeout", "2s", "-o", "json")).Exit(7)
            .Says("next: overture instance watch");
        Assert.True(ran.Json()["timedOut"]!.GetValue<bool>());
        Assert.InRange(ran.Took.TotalSeconds, 1.5, 60);
    }

    [Fact]
    public async Task Launch_StreamBreaks_IsTakenUpAgain() =>
        (await overture.Run("launch", "-c", Example, "restarts", "--wait", "-o", "json")).Exit(0);

    [Fact]
    public async Task Launch_ConnectionCutOff_IsTakenUpAgainAndSaysSo() =>
        (await overture.Run("launch", "-c", Example, "cut off once", "--wait", "-o", "json")).Exit(0)
            .Says("the connection to conductor at ").Says("connected again, after 1 try");

    [Fact]
    public async Task Launch_ConnectionCutOffForGood_Is5WithTheCauseAndTheNextStep()
    {
        var ran = (await overture.Run("launch", "-c", Example, "cut off", "--wait", "--timeout", "3s")).Exit(5).Says("was lost: ")
            .Says("next: the launch goes on by itself: overture instance watch ");
        Assert.DoesNotContain("trace id", ran.Errors, StringComparison.Ordinal);
    }

    // Everything behind the connection was frozen (95 s in the report): exit 70, and a trace id that nothing showed.
    [Theory]
    [InlineData("launch"), InlineData("watch")]
    public async Task Point9_ServicesFrozen_IsSaidAndGoesOnToTheEnd(string verb)
    {
        await using var proxy = new SilentProxy(overture.ConductorPort);
        using var directory = new TempDirectory();
        // Two seconds of silence where it is 40 by default.
        var config = overture.Config("admin", proxy.Port).Replace("pki/", overture.Pki.Home + "/pki/", StringComparison.Ordinal);
        await File.WriteAllTextAsync(directory.File("cli.yaml"), config + "\nsilence: 1s\n");
        var fake = overture.Conductor;
        (fake.Watched, fake.Thawed) = (new(0), new(TaskCreationOptions.RunContinuationsAsynchronously));
        var watched = fake.Add(Guid.CreateVersion7().ToString(), InstanceState.Launching, "frozen").Certname;
        var run = overture.Run(verb == "launch" ? ["launch", "-c", Example, "frozen", "--wait"]
            : ["instance", "watch", watched, "--until-settled"],
            new() { ["OVERTURE_CLI_CONFIG"] = directory.File("cli.yaml") });
        await fake.Watched.WaitAsync(TimeSpan.FromSeconds(60));
        var before = proxy.Accepted;

        proxy.Freeze();
        await Eventually.True(() => proxy.Accepted > before, "it connects again");
        fake.Thawed.SetResult();
        proxy.Thaw();

        (await run).Exit(0).Says("the connection to conductor at ").Says("; connecting again").Says("connected again, after ");
    }

    [Fact]
    public async Task Launch_FieldsRefused_NamesEachFieldReasonAndNothingOnStdout()
    {
        var ran = (await overture.Run("launch", "-c", Example, "two mistakes")).Exit(2).Says("error: 2 fields are refused\n")
            .Says("  request_id: must be of A-Z").Says($"  spec.image: must be an image ({Example}:").Says("reason: INVALID_FIELD");
        Assert.Equal("", ran.Output);
        Assert.Single(ran.Errors.Split("must be of A-Z")[1..]);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("101")]
    public async Task Launch_CountOutOfRange_IsRefusedBeforeAnythingIsSent(string count)
    {
        var before = overture.Conductor.Launches.Count;
        (await overture.Run("launch", "-c", Example, "--count", count)).Exit(2).Says($"error: --count must be 1 to 100, not {count}\n")
            .Says("next: overture launch --help");
        Assert.Equal(before, overture.Conductor.Launches.Count);
    }

    [Fact]
    public async Task Launch_ServiceDown_TellsHowToRepeatIt()
    {
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("spec.yaml"), "provider: local\nprofile: down\n");
        (await overture.Run("launch", "-c", directory.File("spec.yaml"))).Exit(5).Says("reason: STORE_UNAVAILABLE").Says("--request-id ");
    }

    [Fact]
    public async Task Launch_CtrlC_Is130AndSaysItGoesOn()
    {
        // timeout(1) sends the signal a terminal would; without --foreground it would send it twice.
        var ran = await Shell.Run("timeout", ["--foreground", "--preserve-status", "-s", "INT", "2", OvertureFixture.Binary, "launch", "-c",
            Example, "stuck", "--wait"],
            new Dictionary<string, string?> { ["OVERTURE_HOME"] = overture.Pki.Home });
        ran.Exit(130).Says("the launch goes on by itself");
        Assert.DoesNotContain("Unhandled", ran.Errors, StringComparison.Ordinal);
    }
}
