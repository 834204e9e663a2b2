using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>The end of an instance, stopped and taken up again at every step.</summary>
public sealed class TerminateTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private readonly FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
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
    public async Task Terminate_CertAuthorityAnswers_LeavesNothingAndIsIdempotent()
    {
        var name = await Launch();
        var call = Terminate(name, "no longer needed");
        await Eventually.True(async () => await store.Get(ObjectKeys.Fact(name, "terminating"), default) is not null,
            "the intent is written");
        Assert.Contains(name, provider.Running);
        await Close(name);
        Assert.Equal(InstanceState.Terminated, (await call).Instance.State);

        Assert.Empty(provider.Running);
        Assert.Null(await store.Get(ObjectKeys.Node(name), default));
        var archived = Assert.Single(await History(name));
        Assert.Equal("archived", archived.Kind);
        Assert.Contains("login_allowed", archived.Document, StringComparison.Ordinal);
        Assert.Contains("no longer needed", archived.Reason, StringComparison.Ordinal);
        Assert.Equal(InstanceState.Terminated, (await Terminate(name)).Instance.State);
        Assert.Single(await History(name));
    }

    [Fact]
    public async Task Terminate_CertAuthoritySilent_CallerHearsItAndTheWorkGoesOn()
    {
        var name = await Launch();
        var refused = await Assert.ThrowsAsync<RpcException>(() => InTime.Terminate(host.As("admin"), name.ToString(), 8));
        Assert.Equal((StatusCode.Unavailable, "REVOCATION_PENDING"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Contains(name, provider.Running);
        await Close(name);
        await Eventually.True(async () => (await Get(name)).State == InstanceState.Terminated, "the sweep finishes it");
        Assert.Empty(provider.Running);
    }

    [Fact]
    public async Task Terminate_NoWordFor2Minutes_GoesOnAndRaisesAnAlarm()
    {
        await using var frozen =
            await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = clock }, replica: "2");
        var name = await Launch(frozen);
        var saga = frozen.Get<TerminateSaga>();
        await saga.Begin(name, "admin", "", default);
        Assert.NotNull(await saga.Advance(name, default));
        clock.Advance(TimeSpan.FromSeconds(119));
        Assert.NotNull(await saga.Advance(name, default));
        Assert.Contains(name, provider.Running);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await saga.Advance(name, default));
        Assert.Empty(provider.Running);
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "terminated"), default));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Advance_EveryWriteFailsInTurn_IsTakenUpAgain(bool answerLost)
    {
        // Frozen time: no sweep comes between.
        await using var frozen =
            await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = clock }, replica: "2");
        await host.DisposeAsync();
        host = frozen;
        var saga = host.Get<TerminateSaga>();
        for (var write = 1; ; write++)
        {
            var name = await Launch();
            await Close(name);
            store.Arm(write, answerLost);
            var attempt = await Record.ExceptionAsync(async () =>
            {
                await saga.Begin(name, "admin", "", default);
                await saga.Advance(name, default);
            });
            store.Disarm();
            Assert.True(attempt is null or FaultException { Kind: FaultKind.Unavailable }, $"{attempt}");

            await saga.Begin(name, "admin", "", default);
            Assert.Null(await saga.Advance(name, default));
            Assert.Equal(InstanceState.Terminated, (await Get(name)).State);
            Assert.Empty(provider.Running);
            // what the store did not let go holds up no end
            await host.Get<InstanceRemains>().Sweep(default);
            Assert.Null(await store.Get(ObjectKeys.Node(name), default));
            Assert.InRange((await History(name)).Count, 1, 2); // archived twice at worst, never lost
            if (!store.Struck)
            {
                Assert.Equal(5, write); // terminating, history, delete, terminated: four, and none failed
                break;
            }
        }
    }

    [Fact]
    public async Task Advance_ProviderRefuses_WaitsAndKeepsTheDefinition()
    {
        var name = await Launch();
        await Close(name);
        provider.StopRefusal = new ProviderException("processes still hold it");
        var saga = host.Get<TerminateSaga>();
        await saga.Begin(name, "admin", "", default);
        Assert.Contains("still hold it", await saga.Advance(name, default), StringComparison.Ordinal);
        Assert.NotNull(await store.Get(ObjectKeys.Node(name), default));
        provider.StopRefusal = null;
        Assert.Null(await saga.Advance(name, default));
    }

    [Fact]
    public async Task Sweep_AtStart_FinishesWhatAKilledConductorBegan()
    {
        var name = await Launch();
        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Terminating }, default);
        await host.DisposeAsync();
        await Close(name);
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = clock });
        // This clock stands still: no turn but the first.
        await Eventually.True(async () => await store.Get(ObjectKeys.Fact(name, "terminated"), default) is not null,
            "it is finished at once");
        Assert.Empty(provider.Running);
    }

    [Fact]
    public async Task Sweep_OneThatHangs_HoldsUpNoOther()
    {
        var hangs = await Launch();
        var others = new[] { await Launch(), await Launch(), await Launch(), await Launch() };
        var never = new TaskCompletionSource();
        provider.BeforeStop = name => name == hangs ? never.Task : Task.CompletedTask;
        foreach (var name in others.Append(hangs))
        {
            await host.Get<TerminateSaga>().Begin(name, "admin", "", default);
            await Close(name);
        }
        foreach (var other in others)
        {
            await Eventually.True(async () => await store.Get(ObjectKeys.Fact(other, "terminated"), default) is not null,
                "the others are gone", TimeSpan.FromMinutes(1));
        }

        Assert.Contains(hangs, provider.Running);
        never.SetResult();
        await Eventually.True(async () => await store.Get(ObjectKeys.Fact(hangs, "terminated"), default) is not null,
            "and it too, in the end");
    }

    [Fact]
    public async Task Terminate_NeverCameUp_Works()
    {
        provider.Refusal = new ProviderException("no room");
        var name = await Launch();
        await Close(name);
        Assert.Equal(InstanceState.Terminated, (await Terminate(name)).Instance.State);
    }

    [Fact]
    public async Task Terminate_Registered_Works()
    {
        var answer = await host.As("admin").RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec() });
        var name = CertName.Parse(answer.Instance.Certname);
        await Close(name);
        Assert.Equal(InstanceState.Terminated, (await Terminate(name)).Instance.State);
        Assert.Null(await store.Get(ObjectKeys.Node(name), default));
    }

    [Fact]
    public async Task Terminate_HeldByAnotherConductorsProvider_IsLeftToThatOne()
    {
        var name = await Launch();
        await Close(name);
        await using var second = await ConductorHost.Start(world,
            new() { Provider = new FakeProvider { Account = "workstation" }, Store = store }, replica: "2");
        // Begun at the second; the first one's sweep, which holds the instance, finishes it, and the second sees that.
        var answer = await second.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() });
        Assert.Equal(InstanceState.Terminated, answer.Instance.State);
        Assert.Empty(provider.Running);
    }

    [Fact]
    public async Task Terminate_Unknown_IsNotFoundAndLeavesNoTrace()
    {
        var name = TestIds.New().CertName();
        var refused = await Assert.ThrowsAsync<RpcException>(() => Terminate(name));
        Assert.Equal(StatusCode.NotFound, refused.StatusCode);
        Assert.False(await store.Any(ObjectKeys.FactsOf(name), default));
    }

    // CertAuthority's confirmation.
    private Task Close(CertName name) =>
        store.PutIfAbsent(ObjectKeys.Closed(name),
            new Closure { Schema = 1, Certname = name.ToString(), At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);

    private async Task<CertName> Launch(ConductorHost? at = null)
    {
        var answer = await (at ?? host).As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() });
        return CertName.Parse(answer.Results.Single().Instance.Certname);
    }

    private Task<TerminateInstanceResponse> Terminate(CertName name, string reason = "") =>
        host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString(), Reason = reason }).ResponseAsync;

    private async Task<Instance> Get(CertName name) =>
        (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;

    private async Task<List<NodeHistory>> History(CertName name)
    {
        var found = new List<NodeHistory>();
        await foreach (var key in store.List(ObjectKeys.HistoryOf(name), null, default))
            found.Add((await store.Get<NodeHistory>(key, default))!);
        return found;
    }
}
