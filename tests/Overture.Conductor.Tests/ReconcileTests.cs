using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Reconcile;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Conductor.Workers;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Comparing and repairing on a running Conductor: what was killed by hand, forgotten, doubled, or cut off.</summary>
public sealed class ReconcileTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private FaultyStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = new FaultyStore(world.OpenStore());
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = new QuickTurnsClock() });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Reconcile_KilledByHand_IsCleanedUpAsByTerminate()
    {
        var name = await Launch();
        provider.Kill(name);
        var told = Assert.Single((await Reconcile(apply: false)).Findings);
        Assert.Equal((FindingKind.Lost, false, ""), (told.Kind, told.Done, told.HeldBack));
        Assert.Null(await store.Get(ObjectKeys.Fact(name, "terminating"), default));

        Assert.True(Assert.Single((await Reconcile(apply: true)).Findings).Done);
        await Close(name);
        await Eventually.True(async () => (await Get(name)).State == InstanceState.Terminated, "the saga ends it");
        Assert.Null(await store.Get(ObjectKeys.Node(name), default));
        Assert.Empty((await Reconcile(apply: true)).Findings);
    }

    [Fact]
    public async Task T95_OrphanAndLost_BothFoundInOneCycle()
    {
        var lost = await Launch();
        provider.Kill(lost);
        var orphan = TestIds.New().CertName();
        provider.Seed(orphan, TimeProvider.System.GetUtcNow().AddHours(-1));

        var automatic = await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        Assert.Equal([FindingKind.Lost, FindingKind.Orphan], automatic.Findings.Select(f => f.Kind));
        Assert.Equal([true, false], automatic.Findings.Select(f => f.Done));
        Assert.Contains(orphan, provider.Running);

        Assert.True(Assert.Single((await Reconcile(apply: true)).Findings).Done);
        Assert.DoesNotContain(orphan, provider.Running);
        Assert.Equal(0, await Count($"{ObjectKeys.Claims}"));
    }

    [Fact]
    public async Task Reconcile_WhatItFinds_IsCountedByKind()
    {
        // Other tests of this process reconcile too; none has as many orphans.
        const int many = 37;
        var (mended, heldBack, times) = (new ConcurrentQueue<(string? Kind, long Count)>(),
            new ConcurrentQueue<(string? Kind, long Count)>(), new ConcurrentQueue<double>());
        using var meters = new MeterListener { InstrumentPublished = (instrument, listener) =>
            listener.EnableMeasurementEvents(instrument) };
        meters.SetMeasurementEventCallback<long>((instrument, value, labels, _) =>
        {
            var into = instrument.Name == FlowTelemetry.Mended ? mended : instrument.Name == FlowTelemetry.HeldBack ? heldBack : null;
            into?.Enqueue((labels.Length == 1 && labels[0].Key == "kind" ? labels[0].Value as string : null, value));
        });
        meters.SetMeasurementEventCallback<double>((instrument, value, _, _) =>
        {
            if (instrument.Name == FlowTelemetry.ReconcileTime)
                times.Enqueue(value);
        });
        meters.Start();
        for (var i = 0; i < many; i++)
            provider.Seed(TestIds.New().CertName(), TimeProvider.System.GetUtcNow().AddHours(-1));

        await Reconcile(apply: false);
        Assert.DoesNotContain(("orphan", many), heldBack);
        await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        Assert.Contains(("orphan", many), heldBack);
        Assert.DoesNotContain(("orphan", many), mended);
        await host.As("admin").ReconcileAsync(new() { Apply = true, Limit = 100 });
        Assert.Contains(("orphan", many), mended);
        Assert.DoesNotContain(mended.Concat(heldBack), m => m.Kind is not ("lost" or "orphan" or "zombie-certificate" or "ghost"));
        Assert.InRange(times.Count, 2, int.MaxValue);
        Assert.All(times, t => Assert.InRange(t, 0, 600));
    }

    [Fact]
    public async Task Reconcile_GhostOfATerminatedOne_IsEndedAgain()
    {
        var name = await Launch();
        await Close(name);
        await host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() });
        provider.Seed(name, TimeProvider.System.GetUtcNow());

        var ghost = Assert.Single((await Reconcile(apply: true)).Findings);
        Assert.Equal((FindingKind.Ghost, true), (ghost.Kind, ghost.Done));
        Assert.Empty(provider.Running);
    }

    [Fact]
    public async Task Reconcile_FactOfTheLaunchLost_IsWrittenDown()
    {
        var name = await Launch();
        await store.Delete(ObjectKeys.Fact(name, "launched"), default);
        await using var next = await ConductorHost.Start(world, new() { Provider = provider, Store = store }, replica: "2");

        var found = Assert.Single((await next.As("admin").ReconcileAsync(new() { Apply = true })).Findings);
        Assert.Equal((FindingKind.Lost, true), (found.Kind, found.Done));
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "launched"), default));
        Assert.Equal(1, provider.Starts[name]);
    }

    // In a cloud: three looks, and looks in a hurry are one.
    [Fact]
    public async Task Reconcile_MissingInACloud_TakesThreeLooksThatAreApart()
    {
        provider.Settling = TimeSpan.FromSeconds(1);
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var frozen =
            await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = clock }, replica: "3");
        var name = CertName.Parse((await frozen.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results.Single()
            .Instance.Certname);
        provider.Kill(name);
        clock.Advance(TimeSpan.FromMinutes(6));
        var reconciler = frozen.Get<Reconciler>();
        for (var look = 0; look < 5; look++)
        {
            Assert.Contains("1 of 3",
                Assert.Single((await reconciler.Run(apply: true, orphans: false, limit: 0, default)).Findings).HeldBack,
                StringComparison.Ordinal);
        }

        clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Contains("2 of 3", Assert.Single((await reconciler.Run(apply: true, orphans: false, limit: 0, default)).Findings).HeldBack,
            StringComparison.Ordinal);
        clock.Advance(TimeSpan.FromSeconds(20));
        Assert.True(Assert.Single((await reconciler.Run(apply: true, orphans: false, limit: 0, default)).Findings).Done);
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "terminating"), default));
    }

    [Fact]
    public async Task Reconcile_ProviderDoesNotAnswer_NothingIsConcluded()
    {
        var name = await Launch();
        provider.Kill(name);
        provider.InventoryRefusal = new ProviderException("throttled");
        var answer = await Reconcile(apply: true);
        Assert.Empty(answer.Findings);
        Assert.Equal("local fake-account: throttled", Assert.Single(answer.Unknown));
    }

    [Fact]
    public async Task Reconcile_AnotherConductorBeganMeanwhile_TheEarlierOneStops()
    {
        var name = await Launch();
        provider.Kill(name);
        var turn = await host.Get<Reconcile.FencingLock>().Raise(host.Get<Reconciler>().Task, default);
        await turn.Check(default);
        Assert.Single((await Reconcile(apply: true)).Findings);
        await Assert.ThrowsAsync<Platform.Faults.FaultException>(() => turn.Check(default));
    }

    [Fact]
    public async Task Reconcile_ApplyByAViewer_IsRefused()
    {
        Assert.Empty((await host.As("viewer").ReconcileAsync(new())).Findings);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer").ReconcileAsync(new() { Apply = true }));
        Assert.Equal((StatusCode.PermissionDenied, "ROLE_MISSING"), (refused.StatusCode, RpcDetails.Reason(refused)));
    }

    [Fact]
    public async Task Retry_LaunchThatFailed_SameNameAndUserData()
    {
        provider.Refusal = new ProviderException("no capacity");
        var name = await Launch();
        Assert.Equal(InstanceTrouble.LaunchFailed, (await Get(name)).Trouble);
        provider.Refusal = null;

        var answer = await host.As("operator").RetryInstanceAsync(new() { Certname = name.ToString() });
        Assert.Equal(("", InstanceTrouble.Unspecified), (answer.Reason, answer.Instance.Trouble));
        Assert.Equal(2, provider.Asked.Count);
        Assert.Single(provider.Asked.Distinct());
        Assert.Equal("", (await host.As("operator").RetryInstanceAsync(new() { Certname = name.ToString() })).Reason);
        Assert.Equal(1, provider.Starts[name]);
    }

    [Fact]
    public async Task Launch_ProfileEditedBetweenTwoTries_TheFirstOneCounts()
    {
        provider.Refusal = new ProviderException("no capacity");
        await Profile("web", "puppet.example.com");
        var request = new LaunchInstancesRequest { Profile = "web", RequestId = "r1" };
        var first = await host.As("admin").LaunchInstancesAsync(request);
        provider.Refusal = null;
        await store.Delete(ObjectKeys.Profile("web"), default);
        await Profile("web", "puppet.elsewhere.example.com");
        var second = await host.As("admin").LaunchInstancesAsync(request);
        Assert.Equal(first.Results[0].Instance.Certname, second.Results[0].Instance.Certname);
        Assert.Single(provider.Asked.Distinct());
    }

    [Fact]
    public async Task Protect_ThenTerminate_IsRefusedUntilItIsTakenBack()
    {
        var name = await Launch();
        Assert.True((await host.As("operator").UpdateInstanceAsync(new() { Certname = name.ToString(), Protected = true }))
            .Instance.Protected);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("admin")
            .TerminateInstanceAsync(new() { Certname = name.ToString() }));
        Assert.Equal((StatusCode.FailedPrecondition, "PROTECTED"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Contains(name, provider.Running);

        await host.As("operator").UpdateInstanceAsync(new() { Certname = name.ToString(), Protected = false });
        await Close(name);
        Assert.Equal(InstanceState.Terminated,
            (await host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() })).Instance.State);
        foreach (var late in (Func<Task>[])
        [
            async () => await host.As("operator").UpdateInstanceAsync(new() { Certname = name.ToString(), Protected = true }),
            async () => await host.As("operator").RetryInstanceAsync(new() { Certname = name.ToString() }),
        ])
        {
            Assert.Equal("INSTANCE_ENDED", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(late)));
        }
    }

    [Theory]
    [InlineData(599)]
    [InlineData(366 * 86400 + 1)]
    public async Task Update_TtlOutOfRange_NamesTheField(int seconds)
    {
        var name = await Launch();
        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await host.As("operator")
                .UpdateInstanceAsync(new() { Certname = name.ToString(), Ttl = Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds)) }));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains("ttl", refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Update_TtlOver_IsTerminatedUnlessProtected()
    {
        var (mortal, guarded) = (await Launch(), await Launch());
        await Expired(mortal, protect: false);
        await Expired(guarded, protect: true);
        await Eventually.True(async () => await store.Get(ObjectKeys.Fact(mortal, "terminating"), default) is not null, "its end begins");
        Assert.Contains("ttl", (await store.Get<InstanceFact>(ObjectKeys.Fact(mortal, "terminating"), default))!.Detail,
            StringComparison.Ordinal);
        Assert.Null(await store.Get(ObjectKeys.Fact(guarded, "terminating"), default));
    }

    [Fact]
    public async Task Quarantine_AndLift_AreFactsOfWhichTheLatestCounts()
    {
        var name = await Launch();
        Assert.True((await Quarantine(name, lift: false)).Quarantined);
        Assert.True((await Quarantine(name, lift: false)).Quarantined);
        Assert.Equal(1, await Count($"{ObjectKeys.FactsOf(name)}") - 1);
        Assert.False((await Quarantine(name, lift: true)).Quarantined);
        Assert.True((await Quarantine(name, lift: false)).Quarantined);
        Assert.True((await Get(name)).Quarantined);
        Assert.Equal(InstanceState.Running, (await Get(name)).State);
        var unsaid = await Assert.ThrowsAsync<RpcException>(async () => await host.As("operator")
            .QuarantineInstanceAsync(new() { Certname = name.ToString() }));
        Assert.Contains("reason", unsaid.Status.Detail, StringComparison.Ordinal);
    }

    private async Task<Instance> Quarantine(CertName name, bool lift) =>
        (await host.As("operator").QuarantineInstanceAsync(new() { Certname = name.ToString(), Reason = "odd traffic", Lift = lift }))
            .Instance;

    [Fact]
    public async Task Pending_ProviderStartsItLater_RunningIsWrittenWithItsAddress()
    {
        provider.StartsPending = true;
        var name = await Launch();
        Assert.Equal(InstanceState.Launching, (await Get(name)).State);
        provider.Boot();
        await Eventually.True(async () => (await Get(name)).State == InstanceState.Running, "the poller sees it");
        Assert.Equal(["127.0.0.1"], (await Get(name)).Addresses);
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Lease_TwoProcesses_OneHoldsItAtATime()
    {
        await using var redis = await RedisServer.Start();
        await using var a = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Redis = redis.Endpoint },
            replica: "a");
        await using var b = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Redis = redis.Endpoint },
            replica: "b");
        var life = TimeSpan.FromSeconds(30);
        await Eventually.True(async () => await Take(a, life), "the registry answers");
        await Eventually.True(() => b.Get<RegistryConnection>().Healthy, "there too");
        Assert.True(await a.Get<Lease>().TryTake("t", life));
        Assert.False(await b.Get<Lease>().TryTake("t", life));
        await b.Get<Lease>().Release("t");
        Assert.False(await b.Get<Lease>().TryTake("t", life));
        await a.Get<Lease>().Release("t");
        Assert.True(await b.Get<Lease>().TryTake("t", TimeSpan.FromMilliseconds(50)));
        await Eventually.True(() => a.Get<Lease>().TryTake("t", life), "it expires");
    }

    [Fact]
    public async Task Reconcile_WithoutARegistry_GoesOnUnderTheFenceOfTheStoreAlone()
    {
        await Eventually.True(() => host.Get<InstanceTable>().SeenAll, "it has seen all");
        await using var second = await ConductorHost.Start(world, new() { Provider = provider, Store = store }, replica: "2");
        await Eventually.True(() => second.Get<InstanceTable>().SeenAll, "so has the other");
        var name = await Launch();
        provider.Kill(name);

        Assert.True(await Timer(host).Once(default));
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "terminating"), default));
        // One of them has just compared; after a while without that, the next one to look does.
        Assert.False(await Timer(second).Once(default));
        var fencing = ObjectKeys.Fence(host.Get<Reconciler>().Task);
        var raised = await store.Get(fencing, default);
        var old = RecordJson.Read<Records.V1.Fence>(raised!.Body);
        old.At = TimeProvider.System.GetUtcNow().AddMinutes(-4).ToTimestamp();
        Assert.Equal(PutOutcome.Stored, await store.PutIfMatch(fencing, RecordJson.Write(old), raised.ETag, default));
        Assert.True(await Timer(second).Once(default));
    }

    private static ReconcileTimer Timer(ConductorHost at) => at.Services.GetServices<IHostedService>().OfType<ReconcileTimer>().Single();

    private static async Task<bool> Take(ConductorHost at, TimeSpan life)
    {
        try
        {
            return await at.Get<Lease>().TryTake("t", life);
        }
        catch (Platform.Faults.FaultException)
        {
            return false;
        }
    }

    // As UpdateInstance writes it, some time ago.
    private Task Expired(CertName name, bool protect) => host.Get<InstanceEventStore>().Write(
        name, new InstanceFact { Event = $"updated-{TestIds.New().Ordered()}", Protected = protect,
            Expires = TimeProvider.System.GetUtcNow().AddMinutes(-1).ToTimestamp() }, default);

    private Task Profile(string name, string server) =>
        store.PutIfAbsent(ObjectKeys.Profile(name), ConductorFixture.Spec(s => s.Puppet.Server = server), default);

    private Task Close(CertName name) =>
        store.PutIfAbsent(ObjectKeys.Closed(name),
            new Closure { Schema = 1, Certname = name.ToString(), At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);

    private async Task<CertName> Launch() =>
        CertName.Parse((await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results.Single()
            .Instance.Certname);

    private Task<ReconcileResponse> Reconcile(bool apply) => host.As("admin").ReconcileAsync(new() { Apply = apply }).ResponseAsync;

    private async Task<Instance> Get(CertName name) =>
        (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;

    private async Task<int> Count(string prefix)
    {
        var count = 0;
        await foreach (var _ in store.List(prefix, null, default))
            count++;
        return count;
    }
}
