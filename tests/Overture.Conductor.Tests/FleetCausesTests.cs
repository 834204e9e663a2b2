using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.Conductor.Tests;

/// <summary>The causes of a fleet are those that explain says of each, and cost no read of an instance.</summary>
[Trait("Category", "integration")]
public sealed class FleetCausesTests(ITestOutputHelper output)
{
    private const string Refused = "Could not request certificate: Connection refused - connect(2)",
        Unresolved = "Could not request certificate: getaddrinfo: Name or service not known";

    [Fact]
    public async Task Causes_OfAgentsWords_AreThoseThatExplainSaysOfEach()
    {
        await using var world = new FirstBootWorld();
        await world.Start();
        CertName[] names = [await world.Register(), await world.Register(), await world.Register(), await world.Register()];
        await world.Say(names[0], Refused);
        await world.Say(names[1], Unresolved);
        await world.Say(names[2], Refused);
        await AreThoseOfEach();

        // by another Conductor, or this one after a restart
        await world.Restart();
        await world.Host.Get<InstanceTable>().FirstLook.WaitAsync(TimeSpan.FromSeconds(60));
        await AreThoseOfEach();

        // what is over with a step is no cause any more
        await world.Host.Get<InstanceEventStore>().Write(names[1], new InstanceFact { Event = InstanceEvents.Converged }, default);
        await world.Host.Get<InstanceTable>().Refold(names[1], default);
        Assert.Equal(["CONNECTION_REFUSED 2"], await Counted());

        async Task AreThoseOfEach()
        {
            Assert.Equal(["CONNECTION_REFUSED 2", "NAME_UNRESOLVED 1"], await Counted());
            var each = new List<string>();
            foreach (var name in names)
            {
                each.AddRange((await world.Host.As("viewer").ExplainInstanceAsync(new() { Certname = $"{name}" })).Causes.Take(1)
                    .Select(c => c.Reason));
            }
            Assert.Equal(await Counted(), each.CountBy(r => r).OrderByDescending(c => c.Value).Select(c => $"{c.Key} {c.Value}"));
        }

        async Task<IEnumerable<string>> Counted()
        {
            var answer = await world.Host.As("viewer").SummarizeCausesAsync(new());
            Assert.Equal(answer.Broken, answer.Causes.Sum(c => c.Count));
            return answer.Causes.Select(c => $"{c.Reason} {c.Count}");
        }
    }

    [Fact]
    public async Task Causes_SaidToAnotherConductor_AreCountedHereToo()
    {
        await using var redis = await RedisServer.Start();
        await using var world = new FirstBootWorld { Redis = redis.Endpoint };
        await world.Start();
        await using var other = await world.Another();
        var name = await world.Register();
        await Eventually.True(() => other.Get<InstanceTable>().Rows.Find(name)?.Records().Said is not null, "the other knows it",
            TimeSpan.FromSeconds(60));
        await world.Say(name, Unresolved);
        await Eventually.True(async () => (await other.As("viewer").SummarizeCausesAsync(new())).Causes is [{ Reason: "NAME_UNRESOLVED" }],
            "the other counts it", TimeSpan.FromSeconds(60));
    }

    // What is said while Redis is away reaches no feed.
    [Fact]
    public async Task Causes_SaidWhileTheFeedWasAway_AreReadWhereItBegins()
    {
        await using var redis = await RedisServer.Start();
        await using var world = new FirstBootWorld { Redis = redis.Endpoint };
        await world.Start();
        await using var other = await world.Another();
        var name = await world.Register();
        await Eventually.True(() => other.Get<InstanceTable>().Rows.Find(name)?.Records().Said is not null, "the other knows it",
            TimeSpan.FromSeconds(60));
        await redis.Kill();
        await world.Say(name, Unresolved);
        redis.Clear();
        await redis.Restart();
        await Eventually.True(async () => (await other.As("viewer").SummarizeCausesAsync(new())).Causes is [{ Reason: "NAME_UNRESOLVED" }],
            "the other counts it", TimeSpan.FromSeconds(90));
    }

    [Fact]
    public async Task Causes_Of10000LateInstances_ReadNoWordsAndNoConsole()
    {
        await using var world = new FirstBootWorld();
        await world.Start();
        var table = world.Host.Get<InstanceTable>();
        await table.FirstLook.WaitAsync(TimeSpan.FromSeconds(60));
        var ids = TestIds.New();
        for (var i = 0; i < 10_000; i++)
            table.Adopt(Late(ids.CertName(), i % 3 == 0 ? Unresolved : Refused));
        var read = 0;
        world.Store.BeforeGet = key =>
        {
            if (key.StartsWith(ObjectKeys.FirstBoots, StringComparison.Ordinal))
                Interlocked.Increment(ref read);
            return Task.CompletedTask;
        };
        world.Provider.BeforeConsole = _ => Task.FromResult(Interlocked.Increment(ref read));
        var began = Stopwatch.GetTimestamp();
        var answer = await world.Host.As("viewer").SummarizeCausesAsync(new());
        output.WriteLine($"{Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s");
        Assert.Equal(["CONNECTION_REFUSED 6666", "NAME_UNRESOLVED 3334"], answer.Causes.Select(c => $"{c.Reason} {c.Count}"));
        Assert.All(answer.Causes, c => Assert.Equal((ConditionType.Stalled, 3), (c.Type, c.Certnames.Count)));
        Assert.Equal(0, read);
    }

    // No record says it; its lines in the registry do, of many instances in one call.
    [Fact]
    public async Task Causes_CertificateThatWasNeverFetched_IsNamedOfOneAndOfAll()
    {
        await using var world = await EventWorld.Start();
        var clock = new QuickTurnsClock();
        await using var host = await world.Conductor(clock: clock);
        CertName[] names = [await EventWorld.Launch(host), await EventWorld.Launch(host), await EventWorld.Launch(host)];
        var timeline = host.Get<Timeline>();
        foreach (var name in names)
        {
            await world.Sign(name);
            timeline.Add("certauthority", name, InstanceEvents.Signed, "certificate signed");
        }
        timeline.Add("certauthority", names[2], InstanceEvents.Collected, "the agent has its certificate");
        clock.Shift = TimeSpan.FromHours(2);
        await Eventually.True(() => names.All(n => host.Get<InstanceTable>().Current(n)?.Conditions
            .Any(c => c.Type == ConditionType.Stalled) == true), "all are late", EventWorld.Limit);
        var answer = await host.As("viewer").SummarizeCausesAsync(new());
        Assert.Equal(["CERTIFICATE_NOT_COLLECTED 2", "CATALOG_NOT_ASKED 1"], answer.Causes.Select(c => $"{c.Reason} {c.Count}"));
        Assert.Equal("CERTIFICATE_NOT_COLLECTED",
            (await host.As("viewer").ExplainInstanceAsync(new() { Certname = $"{names[0]}" })).Causes[0].Reason);
    }

    // Registered a day ago, and it asked for nothing.
    private static InstanceRecords Late(CertName name, string said)
    {
        var then = TimeProvider.System.GetUtcNow().AddDays(-1);
        return new InstanceRecords
        {
            Name = name,
            Launch = new LaunchRecord
            {
                Schema = 1, Certname = $"{name}", Provider = InstanceRecords.RegisteredProvider, ReportTokenSha256 = new string('a', 64),
                NotBefore = then.ToTimestamp(), Deadline = then.AddHours(1).ToTimestamp(),
            },
            Said = [new SaidLine { Number = 1, At = then.AddMinutes(5).ToTimestamp(), Level = "err", Text = said }],
        };
    }
}
