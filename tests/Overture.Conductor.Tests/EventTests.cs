using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.Events;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What becomes of instances is recorded once and in order, and is watched from any Conductor, from any place.</summary>
[Trait("Category", "integration")]
public sealed class EventTests : IAsyncLifetime
{
    private static readonly string[] Launched = ["instance.requested", "instance.launching", "instance.running"];
    private static readonly string[] Signed = ["instance.csr-received", "instance.signed", "certificate.signed"];
    private EventWorld world = null!;

    public async Task InitializeAsync() => world = await EventWorld.Start();

    public Task DisposeAsync() => world.DisposeAsync().AsTask();

    [Fact]
    public async Task Watch_GoesOnBehindItsCursor_AndFilters()
    {
        await using var host = await world.Conductor();
        var name = await EventWorld.Launch(host);
        var first = await Read(host, new() { After = "0" }, 3);
        Assert.Equal(Launched, first.Select(Short));
        Assert.All(first, e => Assert.Equal((name.ToString(), "blue"), (e.Certname, e.Labels["team"])));

        await world.Sign(name);
        await world.Reaches(name, InstanceEvents.Converged);
        var rest = await Read(host, new() { After = first[^1].Cursor }, 4);
        Assert.Equal([.. Signed, "instance.converged"], rest.Select(Short));
        Assert.Equal(Enumerable.Range(1, 7).Select(n => $"{n}"), first.Concat(rest).Select(e => e.Cursor));

        var red = await EventWorld.Launch(host, "red");
        Assert.Equal([.. Launched.Select(t => (red.ToString(), t))], (await Read(host, new() { After = "0",
            Filter = new() { Selector = "team=red" } }, 3)).Select(e => (e.Certname, Short(e))));
        Assert.Equal("certificate.signed",
            Short((await Read(host, new() { After = "0", Filter = new() { Types_ = { "certificate" } } }, 1))[0]));
        foreach (var (request, field) in new (WatchEventsRequest, string)[]
        {
            (new() { After = "11" }, "after"), (new() { After = "x" }, "after"),
            (new() { Filter = new() { Types_ = { "condition.stall" } } }, "filter.types"),
            (new() { Filter = new() { Selector = "a b" } }, "filter.selector"),
        })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(() => Read(host, request, 1));
            Assert.Equal(field, Assert.Single(RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations).Field);
        }
    }

    // Another replica shows the same log; what happened while no Conductor ran, and while the registry lost all, is in it all the same.
    [Fact]
    public async Task Log_SurvivesTheConductorAndTheRegistry_WithoutAGapOrADouble()
    {
        CertName name;
        await using (var host = await world.Conductor())
        {
            name = await EventWorld.Launch(host);
            await Read(host, new() { After = "0" }, 3);
        }
        await world.Sign(name);
        await world.Redis.Kill();
        world.Redis.Clear();
        await world.Redis.Restart();
        await world.Reaches(name, InstanceEvents.Converged);
        await using var second = await world.Conductor();
        await using var third = await world.Conductor(replica: "2");
        string[] all = [.. Launched, .. Signed, "instance.converged"];
        foreach (var host in new[] { second, third })
            Assert.Equal(all, (await Read(host, new() { After = "0" }, 7)).Select(Short));
        await world.Reaches(name, InstanceEvents.Terminating);
        await world.Reaches(name, InstanceEvents.Terminated);
        foreach (var host in new[] { second, third })
            Assert.Equal(["instance.terminating", "instance.terminated"], (await Read(host, new() { After = "7" }, 2)).Select(Short));
        // both have looked several times by now
        Assert.Equal(9ul, await third.Get<EventLog>().End(default) - 1);
    }

    [Fact]
    public async Task Log_ReadFromACheckpoint_SaysWhatItSaidBefore()
    {
        var log = new EventLog(world.Store, TestIds.New(), TimeProvider.System);
        var states = RecordedState.Nothing;
        var now = new Instance { Certname = "a", State = InstanceState.Running, Serial = "01" };
        now.States.Add(new StateTime { State = InstanceState.Running, At = Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow()) });
        now.Conditions.Add(new Condition { Type = ConditionType.CsrHeld, Reason = "HELD_FOR_APPROVAL", Since = now.States[0].At });
        var found = states.Until(now, Over, TimeProvider.System.GetUtcNow());
        Assert.Equal(["instance.running", "certificate.signed", "condition.csr-held.on", "certificate.held"], found.Select(Short));
        Assert.NotNull(await log.Append(1, found, default));
        // of two who write from the same place, one is refused
        Assert.Null(await new EventLog(world.Store, TestIds.New(), TimeProvider.System).Append(1, [.. found.Take(1)], default));
        states = (await log.Read(1, default))!.Events.Aggregate(states, (s, e) => s.After(e));
        Assert.Empty(states.Until(now, Over, TimeProvider.System.GetUtcNow()));
        Assert.Empty(RecordedState.Of(RecordedState.Of(now).Stored(CertName.Parse("a"))).Until(now, Over, TimeProvider.System.GetUtcNow()));

        now.Conditions[0].Reason = "HELD_OTHER_KEY";
        Assert.Equal(["condition.csr-held.off", "condition.csr-held.on", "certificate.held"],
            states.Until(now, Over, TimeProvider.System.GetUtcNow()).Select(Short));
        // in the middle of an object
        Assert.Equal("3", (await log.Read(3, default))!.From(3).First().Event.Cursor);
    }

    [Fact]
    public void Types_AreThoseOfTheDocument()
    {
        var document = File.ReadAllText(RepositoryPaths.File("docs/events.md"));
        var named = Regex.Matches(document, @"`(overture\.(?:instance|condition|certificate)\.[a-z.-]+)`").Select(m => m.Groups[1].Value);
        Assert.Equal(EventTypes.All.Order(StringComparer.Ordinal), named.Distinct().Order(StringComparer.Ordinal));
    }

    // A client of the API needs no stored record to be generated.
    [Fact]
    public void Api_EventsAndDeadLetters_HaveTheNumbersAndTypesOfTheRecords()
    {
        static IEnumerable<string> Fields(MessageDescriptor of) => of.Fields.InFieldNumberOrder().Select(f =>
            $"{f.FieldNumber} {f.Name} {f.FieldType} {f.IsRepeated} {f.IsMap}").Where(f => !f.Contains("write_id", StringComparison.Ordinal)
                && !f.Contains("schema", StringComparison.Ordinal));
        Assert.Equal(Fields(Event.Descriptor), Fields(InstanceEvent.Descriptor));
        Assert.Equal(Fields(DeadLetter.Descriptor), Fields(UndeliveredEvent.Descriptor));
        Assert.DoesNotContain("overture/records/v1/event.proto", ConductorReflection.Descriptor.Dependencies.Select(d => d.Name));
        var stored = new DeadLetter { WriteId = "w", Webhook = "chat", Attempts = 3,
            Event = new Event { Cursor = "7", Labels = { ["a"] = "b" } } };
        var shown = ShownEvents.Of(stored);
        Assert.Equal(("chat", 3u, "7", "b"), (shown.Webhook, shown.Attempts, shown.Event.Cursor, shown.Event.Labels["a"]));
        Assert.DoesNotContain((byte)'w', shown.ToByteArray());
    }

    [Theory]
    [InlineData("2026-12-03T00:00:00Z", "2026-12-01T00:00:00Z", "2.00:00:00", "2026-12-02T00:00:00Z")]
    // set ahead by a year, and back
    [InlineData("2027-12-03T00:00:00Z", "2026-12-01T00:00:00Z", "2.00:00:00", "2026-12-02T00:00:00Z")]
    [InlineData("2026-12-03T00:00:00Z", "2027-12-01T00:00:00Z", "2.00:00:00", "2026-12-02T00:00:00Z")]
    public void ForgottenBefore_IsNoLaterThanClockAndLogBearOut(string now, string last, string since, string expected) =>
        Assert.Equal(At(expected), EventRecorder.ForgottenBefore(At(now), At(last), TimeSpan.Parse(since, CultureInfo.InvariantCulture)));

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    // 100 bytes for each instance that ever ended would be more every day.
    [Fact]
    public async Task Ended_ADayAgo_IsForgottenAndNotRecordedAgain()
    {
        var clock = new QuickTurnsClock();
        CertName ended, living;
        await using (var host = await world.Conductor(clock: clock))
        {
            (ended, living) = (await EventWorld.Launch(host), await EventWorld.Launch(host));
            await world.Reaches(ended, InstanceEvents.Terminating);
            await world.Reaches(ended, InstanceEvents.Terminated);
            await Read(host, Of(ended, "0"), 5);
            await Eventually.True(() => host.Get<EventRecorder>().Known == 2, "both are known", EventWorld.Limit);
            clock.Shift = TimeSpan.FromHours(26);
            await Eventually.True(() => host.Get<EventRecorder>().Known == 1, "the ended one is forgotten", EventWorld.Limit);
            // all are compared again
            clock.Shift += TimeSpan.FromHours(2);
            await Read(host, Of(await EventWorld.Launch(host), "0"), 3);
            var end = await host.Get<EventLog>().End(default);
            await host.Get<EventCheckpoints>().Keep(end, [RecordedState.Of((await host.Get<InstanceTable>().Refold(living, default))!)
                .Stored(living)], clock.GetUtcNow() - TimeSpan.FromDays(1), default);
        }
        await using var second = await world.Conductor(clock: clock);
        await Read(second, Of(await EventWorld.Launch(second), "0"), 3);
        var logged = new List<string>();
        foreach (var key in await world.Store.List(ObjectKeys.EventLog, null, default).ToListAsync())
            logged.AddRange((await world.Store.Get<EventBatch>(key, default))!.Events.Select(e => e.Certname));
        Assert.Equal(5, logged.Count(n => n == $"{ended}"));
    }

    private static WatchEventsRequest Of(CertName name, string after) =>
        new() { After = after, Filter = new() { Certnames = { $"{name}" } } };

    // What a writer of the bucket may put there, or a disk make of it: named, waited for, and never the end or a busy loop of the service.
    [Fact]
    public async Task DamagedObjects_StopTheLogAlone_UntilTheyAreRemoved()
    {
        CertName name;
        await using (var host = await world.Conductor())
        {
            name = await EventWorld.Launch(host);
            await Read(host, new() { After = "0" }, 3);
        }
        await world.Store.PutIfAbsent(ObjectKeys.EventCheckpoint(4), "no gzip"u8.ToArray(), default);
        await world.Store.PutIfAbsent(ObjectKeys.EventBatch(4), "{}"u8.ToArray(), default);
        await using var second = await world.Conductor();
        await world.Sign(name);
        await Eventually.True(() => second.Get<EventTurn>().IsOurs, "it is its turn", EventWorld.Limit);
        var refused = await Assert.ThrowsAsync<RpcException>(() => Read(second, new() { After = "3" }, 1));
        Assert.Equal(StatusCode.DataLoss, refused.StatusCode);
        await Eventually.True(() => second.Get<EventRecorder>().Behind > TimeSpan.FromSeconds(3), "that it waits is measured",
            EventWorld.Limit);

        // a damaged object that is removed is a gap, with later events behind it or none
        await world.Store.Delete(ObjectKeys.EventBatch(4), default);
        Assert.Equal(Signed, (await Read(second, new() { After = "3" }, 3)).Select(Short));
        Assert.InRange(second.Get<EventRecorder>().Behind!.Value, TimeSpan.Zero, EventWorld.Limit);
    }

    [Theory]
    [InlineData("""{"at": "2026-01-01T00:00:00Z"}""", "has 0 events")]
    [InlineData("""{"events": [{"cursor": "7", "type": "a", "certname": "b", "at": "2026-01-01T00:00:00Z"}]}""", "has no at")]
    [InlineData("""{"at": "2026-01-01T00:00:00Z", "events": [{"cursor": "7", "type": "a", "certname": "b"}]}""", "no at in an event")]
    [InlineData("""{"at": "2026-01-01T00:00:00Z", "events": [{"cursor": "8", "type": "a", "certname": "b"}]}""", "not numbered")]
    [InlineData("""{"at": "2026-01-01T00:00:00Z", "events": [{"cursor": "7", "certname": "b", "at": "2026-01-01T00:00:00Z"}]}""",
        "no type")]
    [InlineData("""{"at": "2026-01-01T00:00:00Z", "events": [{"cursor": "7", "type":"a","certname": "B!", "at": "2026-01-01T00:00:00Z"}]}""",
        "the certname of an event is none")]
    public async Task DamagedObject_IsNamedWithItsRule(string text, string rule)
    {
        await world.Store.PutIfAbsent(ObjectKeys.EventBatch(7), System.Text.Encoding.UTF8.GetBytes(text), default);
        var found = await Assert.ThrowsAsync<UnreadableObjectException>(() =>
            new EventLog(world.Store, TestIds.New(), TimeProvider.System).Read(7, default));
        Assert.Contains(rule, found.Message, StringComparison.Ordinal);
        Assert.Contains("events/log/00000000000000000007", found.Message, StringComparison.Ordinal);
    }

    // A fleet that fits no single object.
    [Fact]
    public async Task Checkpoint_OfManyInstances_IsReadBack_AndTheOneBeforeWhereAPartIsLost()
    {
        var checkpoints = new EventCheckpoints(world.Store, TestIds.New(), TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<EventCheckpoints>.Instance);
        var all = Enumerable.Range(0, 120_000).Select(i => new RecordedInstance { Certname = $"i{i}.example.com", States = 3 }).ToList();
        await checkpoints.Keep(1, all.Take(10), DateTimeOffset.UnixEpoch, default);
        await checkpoints.Keep(9, all, DateTimeOffset.UnixEpoch, default);
        Assert.Equal(all, (await checkpoints.Last(default))!.Instances);
        var parts = await world.Store.List(ObjectKeys.EventParts, null, default).ToListAsync();
        Assert.Equal(2, parts.Count);
        await world.Store.Delete(parts[1], default);
        Assert.Equal(1ul, (await checkpoints.Last(default))!.Next);
    }

    // A Conductor that has just started shows none of these until it has looked at providers, definitions and the registry.
    [Fact]
    public async Task Restart_ConditionsThatGoOn_AreNotOverAndOnAgain()
    {
        CertName name, gone;
        var clock = new QuickTurnsClock();
        async Task<IReadOnlyList<string>> Logged(ConductorHost host) => [.. (await Read(host, new() { After = "0" },
            (int)await host.Get<EventLog>().End(default) - 1)).Where(e => e.Type.Contains("condition", StringComparison.Ordinal))
            .Select(e => $"{Short(e)} {e.Certname}")];
        // While time passes quickly.
        async Task Has(ConductorHost host, string line) => await Eventually.True(async () =>
        {
            clock.Shift += TimeSpan.FromSeconds(5);
            return (await Logged(host)).Contains(line);
        }, line, EventWorld.Limit);
        await using (var host = await world.Conductor(clock: clock))
        {
            (name, gone) = (await EventWorld.Launch(host), await EventWorld.Launch(host));
            await world.Sign(name);
            await world.Reaches(name, InstanceEvents.Converged);
            await host.Get<LastRuns>().Save(new ReportedRun(name, clock.GetUtcNow(), RunResult.Failed, "it broke"));
            world.Provider.Kill(gone);
            await world.Store.Delete(ObjectKeys.Node(name), default);
            foreach (var line in (string[])[$"run-failed.on {name}", $"unclassified.on {name}", $"gone.on {gone}"])
                await Has(host, $"condition.{line}");
        }
        await using var second = await world.Conductor(clock: clock);
        await Eventually.True(() => second.Get<EventTurn>().IsOurs, "it is its turn", EventWorld.Limit);
        var later = await EventWorld.Launch(second);
        await Eventually.True(async () => (await Read(second, new() { After = "0", 
            Filter = new() { Certnames = { later.ToString() } } }, 1)).Count > 0, "it records", EventWorld.Limit);
        await world.Store.Delete(ObjectKeys.Node(later), default);
        await Has(second, $"condition.unclassified.on {later}");
        await Eventually.True(() => second.Get<Instances.InstanceTable>().Current(name)!.Conditions
            .Any(c => c.Type == ConditionType.RunFailed),
            "it shows the failed run again", EventWorld.Limit);
        var over = (await Logged(second)).Where(l => l.Contains(".off", StringComparison.Ordinal)).ToList();
        Assert.DoesNotContain($"condition.run-failed.off {name}", over);
        Assert.DoesNotContain($"condition.unclassified.off {name}", over);
        // unless its clean-up has begun
        if (second.Get<Instances.InstanceTable>().Current(gone)!.State < InstanceState.Terminating)
            Assert.DoesNotContain($"condition.gone.off {gone}", over);
        // and what is over is
        await second.Get<LastRuns>().Save(new ReportedRun(name, clock.GetUtcNow(), RunResult.Good, ""));
        await Has(second, $"condition.run-failed.off {name}");
    }

    // Who sees no event knows all the same where to go on.
    [Fact]
    public async Task Watch_WithoutEvents_SaysWhereItIs()
    {
        await using var host = await world.Conductor();
        await EventWorld.Launch(host);
        await Read(host, new() { After = "0" }, 3);
        using var limit = new CancellationTokenSource(EventWorld.Limit);
        using var stream = host.As("viewer").WatchEvents(new() { Filter = new() { Types_ = { "condition.revoked" } } },
            cancellationToken: limit.Token);
        Assert.True(await stream.ResponseStream.MoveNext(limit.Token));
        Assert.Equal((null, "3"), (stream.ResponseStream.Current.Event, stream.ResponseStream.Current.Cursor));
    }

    private static bool Over(string condition) => true;

    private static string Short(InstanceEvent found) => found.Type["overture.".Length..];

    private static string Short(Event found) => found.Type["overture.".Length..];

    private static async Task<IReadOnlyList<InstanceEvent>> Read(ConductorHost host, WatchEventsRequest request, int count)
    {
        using var limit = new CancellationTokenSource(EventWorld.Limit);
        using var stream = host.As("viewer").WatchEvents(request, cancellationToken: limit.Token);
        var found = new List<InstanceEvent>();
        try
        {
            while (found.Count < count && await stream.ResponseStream.MoveNext(limit.Token))
            {
                if (stream.ResponseStream.Current.Event is { } shown)
                    found.Add(shown);
            }
        }
        catch (RpcException) when (limit.IsCancellationRequested)
        {
            Assert.Fail($"{found.Count} of {count} events came: {string.Join(", ", found.Select(Short))}; the Conductor's turn: "
                + $"{host.Get<EventTurn>().IsOurs}, behind by {host.Get<EventRecorder>().Behind}");
        }
        return found;
    }
}
