using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Overture.Conductor.FirstBoot;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What instances say of their first boot, over real TLS, as a reporter says it; and what becomes of it.</summary>
[Trait("Category", "integration")]
public sealed class FirstBootTests : IAsyncLifetime
{
    private readonly FirstBootWorld world = new();

    public Task InitializeAsync() => world.Start();

    public async Task DisposeAsync() => await world.DisposeAsync();

    [Fact]
    public async Task Post_WordsOfAnAgent_AreLinesOfTheTimelineAndProofOfTheCause()
    {
        var name = await world.Register();
        var at = Now.AddSeconds(-2);
        Assert.Equal(HttpStatusCode.NoContent, await world.Post(name, world.TokenOf(name), Body(at,
            [new("init-local", at.AddSeconds(-9), at.AddSeconds(-8)), new("init", at.AddSeconds(-7), null)],
            [("notice", "Starting Puppet client version 7.23.0"), ("warning", "Could not find a name"),
                ("err", "Could not request certificate: Connection refused - connect(2)")])));

        var lines = (await world.Host.As("viewer").GetTimelineAsync(new() { Certname = $"{name}" })).Events;
        Assert.Equal("cloud-init's stage init-local took 1.0 s", lines.Single(l => l.Key == "boot-stage:init-local").Detail);
        Assert.Equal("cloud-init's stage init began", lines.Single(l => l.Key == "boot-stage:init:began").Detail);
        var said = lines.Single(l => l.Detail.Contains("refused", StringComparison.Ordinal));
        Assert.Equal("the agent says (err): Could not request certificate: Connection refused - connect(2)", said.Detail);
        Assert.Equal("instance", said.Service);
        Assert.DoesNotContain(lines, l => l.Detail.Contains("Starting", StringComparison.Ordinal));
        await ExplainedByItsWords(name);

        // Another Conductor, or this one after a restart, knows it too.
        await world.Restart();
        await ExplainedByItsWords(name);
    }

    private async Task ExplainedByItsWords(CertName name)
    {
        var cause = Assert.Single((await world.Host.As("viewer").ExplainInstanceAsync(new() { Certname = $"{name}" })).Causes);
        Assert.Equal("CONNECTION_REFUSED", cause.Reason);
        Assert.Equal(("agent", "Could not request certificate: Connection refused - connect(2)"),
            (cause.Proofs.Single().Source, cause.Proofs.Single().Text));
    }

    [Fact]
    public async Task Post_StageThatEnded_IsASpanOfTheInstancesTraceWithItsTimes()
    {
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == FlowTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = a =>
            {
                lock (spans)
                    spans.Add(a);
            },
        };
        ActivitySource.AddActivityListener(listener);
        var name = await world.Register();
        var at = DateTimeOffset.FromUnixTimeMilliseconds(Now.AddSeconds(-60).ToUnixTimeMilliseconds());
        ReportedStage[] stages = [new("init-local", at, at.AddSeconds(1)), new("init", at.AddSeconds(2), at.AddSeconds(5)),
            new("modules-config", at.AddSeconds(5), at.AddSeconds(6)), new("modules-final", at.AddSeconds(6), at.AddSeconds(20))];
        // Twice the same: an answer was lost.
        for (var i = 0; i < 2; i++)
            Assert.Equal(HttpStatusCode.NoContent, await world.Post(name, world.TokenOf(name), Body(Now, stages, [])));

        var launch = (await world.Host.Get<InstanceRecordsReader>().Read(name, default))!.Launch;
        Activity[] found;
        lock (spans)
        {
            found = [.. spans.Where(s => Equals(s.GetTagItem(FlowTelemetry.CertNameTag), $"{name}")
                && s.OperationName.StartsWith("overture.boot.", StringComparison.Ordinal)).OrderBy(s => s.StartTimeUtc)];
        }
        Assert.Equal(["overture.boot.init_local", "overture.boot.init", "overture.boot.config", "overture.boot.final"],
            found.Select(s => s.OperationName));
        Assert.Equal(stages.Select(s => s.Ended!.Value - s.Started), found.Select(s => s.Duration));
        // What the request took counts as its clock's.
        Assert.All(stages.Zip(found), p => Assert.InRange(p.Second.StartTimeUtc - p.First.Started.UtcDateTime, TimeSpan.Zero,
            TimeSpan.FromSeconds(30)));
        Assert.All(found, s => Assert.Contains($"{s.TraceId}", launch.Traceparent, StringComparison.Ordinal));
    }

    /// <summary>A slow report is no clock of its own: else a stage begins after its successor (seen on a loaded machine).</summary>
    [Fact]
    public async Task Post_OnASlowerWayThanTheNext_KeepsTheOrderOfStages_UntilTheClockTurns()
    {
        var name = await world.Register();
        var at = DateTimeOffset.FromUnixTimeMilliseconds(Now.AddSeconds(-60).ToUnixTimeMilliseconds());
        await world.Post(name, world.TokenOf(name), Body(Now.AddSeconds(-5), [new("modules-config", at, at.AddSeconds(1))], []));
        await world.Post(name, world.TokenOf(name), Body(Now, [new("modules-final", at.AddSeconds(1), at.AddSeconds(2))], []));
        var stages = (await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default))!.Stages;
        Assert.Equal(stages[0].Ended, stages[1].Started);

        var hour = TimeSpan.FromHours(1);
        await world.Post(name, world.TokenOf(name), Body(Now + hour, [], [("err", "its clock has turned")]));
        var said = (await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default))!.Said.Single();
        Assert.InRange(said.At.ToDateTimeOffset(), stages[1].Started.ToDateTimeOffset(), Now);
    }

    [Fact]
    public async Task Post_ForAnotherName_IsRefusedAndChangesNothing()
    {
        var (victim, thief) = (await world.Register(), await world.Register());
        var forged = Body(Now, [], [("err", "forged")]);
        var enrollment = world.Host.Get<LaunchKeys>().Token((await Record(victim)).RequestId, victim);
        foreach (var token in new[] { world.TokenOf(thief), enrollment, "", new string('0', 64) })
            Assert.Equal(HttpStatusCode.Forbidden, await world.Post(victim, token, forged));
        Assert.Equal(HttpStatusCode.Forbidden, await world.Post(victim, null, forged));
        Assert.Equal(HttpStatusCode.Forbidden, await world.Post(TestIds.New().CertName(), world.TokenOf(thief), forged));
        Assert.Null(await world.Store.Get(ObjectKeys.FirstBoot(victim), default));
        Assert.Equal(HttpStatusCode.NoContent, await world.Post(victim, world.TokenOf(victim), forged));
    }

    [Theory]
    [InlineData("converged")]
    [InlineData("terminating")]
    [InlineData("terminated")]
    public async Task Post_OnceItIsOver_IsGone(string fact)
    {
        var name = await world.Register();
        await world.Host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = fact }, default);
        await world.Host.Get<InstanceTable>().Refold(name, default);
        Assert.Equal(HttpStatusCode.Gone, await world.Post(name, world.TokenOf(name), Body(Now, [], [("err", "late")])));
        Assert.Null(await world.Store.Get(ObjectKeys.FirstBoot(name), default));
    }

    [Fact]
    public async Task Post_OnceItHasConverged_RemovesWhatItSaid()
    {
        var name = await world.Register();
        Assert.Equal(HttpStatusCode.NoContent, await world.Post(name, world.TokenOf(name), Body(Now, [], [("err", "early")])));
        Assert.NotNull(await world.Store.Get(ObjectKeys.FirstBoot(name), default));
        await world.Host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
        await world.Host.Get<InstanceTable>().Refold(name, default);
        Assert.Equal(HttpStatusCode.Gone, await world.Post(name, world.TokenOf(name), Body(Now, [], [])));
        Assert.Null(await world.Store.Get(ObjectKeys.FirstBoot(name), default));
    }

    /// <summary>Overload is no refusal, and one address's share is not all.</summary>
    [Fact]
    public async Task Post_OfStrangers_IsTooMuchAtSomePointAndKeepsNoInstanceFromSpeaking()
    {
        var name = await world.Register();
        var answers = new List<HttpStatusCode>();
        while (!answers.Contains(HttpStatusCode.TooManyRequests) && answers.Count < 1000)
        {
            answers.AddRange(await Task.WhenAll(Enumerable.Range(0, 40).Select(_ =>
                world.Post(TestIds.New().CertName(), new string('0', 64), "{}"))));
        }
        Assert.Contains(HttpStatusCode.TooManyRequests, answers);
        Assert.All(answers, a => Assert.True(a is HttpStatusCode.Forbidden or HttpStatusCode.TooManyRequests, $"{a}"));
        Assert.Equal(HttpStatusCode.NoContent, await world.Post(name, world.TokenOf(name), Body(Now, [], [("err", "mine")])));

        using var limits = new FirstBootLimits();
        var (noisy, other) = (IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2"));
        while (limits.MayTry(noisy))
        {
        }
        Assert.True(limits.MayTry(other));
    }

    /// <summary>Its root may turn its clock as often as it likes.</summary>
    [Fact]
    public async Task Post_ByAClockThatTurnsAndTurns_IsTakenOnceAMinute()
    {
        var name = await world.Register();
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(HttpStatusCode.NoContent,
                await world.Post(name, world.TokenOf(name), Body(Now.AddSeconds(i % 2 == 0 ? 3600 : -3600), [], [])));
        }
        var record = (await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default))!;
        Assert.InRange(record.Taken, 1u, 4u);
    }

    [Fact]
    public async Task Post_TheSameTwice_IsKeptOnce()
    {
        var name = await world.Register();
        var body = Body(Now.AddSeconds(30), [], [("err", "its answer was lost")]);
        for (var i = 0; i < 2; i++)
            Assert.Equal(HttpStatusCode.NoContent, await world.Post(name, world.TokenOf(name), body));
        var line = Assert.Single((await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default))!.Said);
        // Half a minute ahead is no condition, and no time of ours either.
        Assert.True(line.At.ToDateTimeOffset() <= Now);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{\"schema\":1,\"writeId\":\"x\",\"certname\":\"x\",\"said\":[{\"number\":1,\"level\":\"err\",\"text\":\"x\"}]}")]
    [InlineData("{\"schema\":1,\"writeId\":\"x\",\"certname\":\"x\",\"clockAheadMs\":\"9223372036854775807\"}")]
    public async Task DamagedObject_HidesNoInstance(string damaged)
    {
        var name = await world.Register();
        await world.Post(name, world.TokenOf(name), Body(Now, [], [("err", "early")]));
        var held = (await world.Store.Get(ObjectKeys.FirstBoot(name), default))!;
        await world.Store.PutIfMatch(ObjectKeys.FirstBoot(name), Encoding.UTF8.GetBytes(damaged), held.ETag, default);
        await world.Restart();

        var viewer = world.Host.As("viewer");
        Assert.NotNull(await world.Host.Get<InstanceRecordsReader>().Read(name, default));
        Assert.Equal($"{name}", (await viewer.ExplainInstanceAsync(new() { Certname = $"{name}" })).Certname);
        Assert.NotEmpty((await viewer.GetTimelineAsync(new() { Certname = $"{name}" })).Events);
        Assert.Equal(HttpStatusCode.NoContent, await world.Post(name, world.TokenOf(name), Body(Now, [], [("err", "again")])));
        Assert.Equal("again", (await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default))!.Said.Single().Text);
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadRequest)]
    [InlineData("[]", HttpStatusCode.BadRequest)]
    [InlineData("{\"time\": -1}", HttpStatusCode.BadRequest)]
    [InlineData("{\"time\": 1e300}", HttpStatusCode.BadRequest)]
    [InlineData("{\"time\": 1}", HttpStatusCode.BadRequest)]
    [InlineData("{\"time\": 253402300799}", HttpStatusCode.BadRequest)]
    [InlineData("{\"time\": 1e9, \"said\": [{\"at\": 253402300799, \"level\": \"err\", \"text\": \"x\"}]}", HttpStatusCode.BadRequest)]
    [InlineData("{\"time\": 1e9, \"stages\": [{\"name\": \"other\", \"start\": 1e9}]}", HttpStatusCode.BadRequest)]
    [InlineData("{\"time\": 1e9, \"said\": [{\"at\": 1e9, \"level\": \"err\", \"text\": \"\\ud800\"}]}", HttpStatusCode.BadRequest)]
    [InlineData("{\"time\": 1e9, \"said\": [[[[[[[[1]]]]]]]]}", HttpStatusCode.BadRequest)]
    [InlineData("large", HttpStatusCode.RequestEntityTooLarge)]
    public async Task Post_Nonsense_IsRefused(string body, HttpStatusCode status)
    {
        var name = await world.Register();
        body = body == "large" ? $"{{\"time\": 1e9, \"x\": \"{new string('x', FirstBootReport.MaxBytes)}\"}}" : body;
        Assert.Equal(status, await world.Post(name, world.TokenOf(name), body));
        Assert.Null(await world.Store.Get(ObjectKeys.FirstBoot(name), default));
    }

    [Fact]
    public async Task Post_MoreThanIsTaken_IsBoundedPerInstance()
    {
        var (name, other) = (await world.Register(), await world.Register());
        for (var i = 0; i < TakeFirstBoot.Most / 20; i++)
            Assert.Equal(HttpStatusCode.NoContent, await Patiently(Lines(i)));
        Assert.Equal(HttpStatusCode.TooManyRequests, await world.Post(name, world.TokenOf(name), Lines(99)));
        var record = (await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default))!;
        Assert.Equal((TakeFirstBoot.Most, 20), (record.Taken, record.Said.Count));
        Assert.Equal("line 9-19", record.Said[^1].Text);
        Assert.Equal(HttpStatusCode.NoContent, await world.Post(other, world.TokenOf(other), Lines(0)));

        // As a reporter does, where it was too quick.
        Task<HttpStatusCode> Patiently(string body) => Eventually.Get(async () =>
            await world.Post(name, world.TokenOf(name), body) is var status && status == HttpStatusCode.TooManyRequests
                ? null : new Answered(status), "it is taken").ContinueWith(a => a.Result.Status, TaskScheduler.Default);

        static string Lines(int round) => Body(Now, [], [.. Enumerable.Range(0, 20).Select(i => ("err", $"line {round}-{i}"))]);
    }

    private sealed record Answered(HttpStatusCode Status);

    [Fact]
    public async Task Post_Secrets_AreMasked()
    {
        var name = await world.Register();
        var token = world.Host.Get<LaunchKeys>().Token((await Record(name)).RequestId, name);
        await world.Post(name, world.TokenOf(name), Body(Now, [],
            [("err", $"a {token.ToUpperInvariant()} b {world.TokenOf(name)} password=hunter2 https://u:p@x/")]));
        Assert.Equal("a ******** b ******** password=******** https://********@x/",
            (await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default))!.Said.Single().Text);
    }

    [Theory]
    [InlineData(3600, "CLOCK_AHEAD")]
    [InlineData(-1000, "CLOCK_BEHIND")]
    public async Task Post_ByAClockThatIsOff_IsAConditionUntilItIsRight(int seconds, string reason)
    {
        var name = await world.Register();
        await world.Post(name, world.TokenOf(name), Body(Now.AddSeconds(seconds), [], []));
        var skew = Assert.Single(await Conditions(name));
        Assert.Equal((ConditionType.ClockSkew, ConditionSeverity.Warning, reason), (skew.Type, skew.Severity, skew.Reason));
        Assert.Contains(seconds > 0 ? "60 min ahead of the Conductor's" : "17 min behind the Conductor's", skew.Message,
            StringComparison.Ordinal);

        await world.Restart();
        await world.Host.Get<InstanceTable>().Refold(name, default);
        Assert.Equal(ConditionType.ClockSkew, Assert.Single(await Conditions(name)).Type);

        await world.Post(name, world.TokenOf(name), Body(Now.AddSeconds(20), [], []));
        Assert.Empty(await Conditions(name));
        Assert.False(ClockReading.Of(await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default))!.IsOff);
    }

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private async Task<IEnumerable<Condition>> Conditions(CertName name) =>
        (await world.Host.As("viewer").GetInstanceAsync(new() { Certname = $"{name}" })).Instance.Conditions;

    private async Task<LaunchRecord> Record(CertName name) => (await world.Host.Get<InstanceRecordsReader>().Read(name, default))!.Launch;

    private sealed record ReportedStage(string Name, DateTimeOffset Started, DateTimeOffset? Ended);

    private static string Body(DateTimeOffset time, IReadOnlyList<ReportedStage> stages, IReadOnlyList<(string Level, string Text)> said) =>
        JsonSerializer.Serialize(new
        {
            time = Seconds(time),
            stages = stages.Select(s => new { name = s.Name, start = Seconds(s.Started),
                end = s.Ended is { } end ? Seconds(end) : (double?)null, errors = Array.Empty<string>() }),
            said = said.Select(s => new { at = Seconds(time), level = s.Level, text = s.Text }),
        });

    private static double Seconds(DateTimeOffset at) => at.ToUnixTimeMilliseconds() / 1000.0;
}
