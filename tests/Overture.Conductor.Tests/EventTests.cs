using System.Text.RegularExpressions;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.Events;
using Overture.Conductor.V1;
using Overture.Platform.Records;
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
        var found = states.Until(now, TimeProvider.System.GetUtcNow());
        Assert.Equal(["instance.running", "certificate.signed", "condition.csr-held.on", "certificate.held"], found.Select(Short));
        Assert.NotNull(await log.Append(1, found, default));
        // of two who write from the same place, one is refused
        Assert.Null(await new EventLog(world.Store, TestIds.New(), TimeProvider.System).Append(1, [.. found.Take(1)], default));
        states = (await log.Read(1, default))!.Events.Aggregate(states, (s, e) => s.After(e));
        Assert.Empty(states.Until(now, TimeProvider.System.GetUtcNow()));
        Assert.Empty(RecordedState.Of(RecordedState.Of(now).Stored(CertName.Parse("a"))).Until(now, TimeProvider.System.GetUtcNow()));

        now.Conditions[0].Reason = "HELD_OTHER_KEY";
        Assert.Equal(["condition.csr-held.off", "condition.csr-held.on", "certificate.held"],
            states.Until(now, TimeProvider.System.GetUtcNow()).Select(Short));
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

    private static string Short(Event found) => found.Type["overture.".Length..];

    private static async Task<IReadOnlyList<Event>> Read(ConductorHost host, WatchEventsRequest request, int count)
    {
        using var limit = new CancellationTokenSource(EventWorld.Limit);
        using var stream = host.As("viewer").WatchEvents(request, cancellationToken: limit.Token);
        var found = new List<Event>();
        while (found.Count < count && await stream.ResponseStream.MoveNext(limit.Token))
            found.Add(stream.ResponseStream.Current.Event);
        return found;
    }
}
