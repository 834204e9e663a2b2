using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Time.Testing;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Terminate;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What the timeline says of a termination, step by step: the command line shows it.</summary>
public sealed class TerminationStepsTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private readonly FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
    private RedisServer redis = null!;
    private ObjectStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        store = world.OpenStore();
        // Frozen time: no sweep comes between.
        host = await ConductorHost.Start(world,
            new() { Provider = provider, Store = store, Clock = clock, Redis = redis.Endpoint });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        await redis.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Advance_EachStep_IsALineAndWhatItWaitsForToo()
    {
        var name = await Launch();
        var saga = host.Get<TerminateSaga>();
        await saga.Begin(name, "admin", "", default);
        // Usual for a second or two: no line.
        Assert.NotNull(await saga.Advance(name, default));
        Assert.Equal(["terminating"], await Steps(name));
        Later(TimeSpan.FromSeconds(3));
        Assert.NotNull(await saga.Advance(name, default));
        Assert.Equal(["terminating", "terminate-waits-certauthority: waits for CertAuthority to revoke the certificate"],
            await Steps(name));

        await store.PutIfAbsent(ObjectKeys.Closed(name),
            new Closure { Schema = 1, Certname = name.ToString(), At = clock.GetUtcNow().ToTimestamp() }, default);
        provider.StopRefusal = new ProviderException("processes still hold it");
        Later(TimeSpan.FromSeconds(1));
        Assert.NotNull(await saga.Advance(name, default));
        provider.StopRefusal = null;
        Later(TimeSpan.FromSeconds(1));
        Assert.Null(await saga.Advance(name, default));
        // Of one moment by this clock: in the order of their keys.
        Assert.Equal(
            [$"terminate-provider-asked: local is asked to end fake-{name.ToString()[..8]}",
                "terminate-revocation-confirmed: CertAuthority has confirmed that no certificate of it is valid",
                "terminate-waits-provider: waits for the provider: processes still hold it",
                "terminate-archived: its definition is archived", "terminate-stopped: local has confirmed its end", "terminated"],
            (await Steps(name)).Skip(2));
    }

    [Fact]
    public async Task Advance_NeverStarted_SaysSo()
    {
        provider.Refusal = new ProviderException("no room") { Means = NotStarted.Nothing };
        var name = await Launch();
        await host.Get<TerminateSaga>().Begin(name, "admin", "", default);
        Later(TerminateSaga.Patience);
        Assert.Null(await host.Get<TerminateSaga>().Advance(name, default));
        Assert.Contains("terminate-never-started: local never started it: there is nothing to end", await Steps(name));
        Assert.DoesNotContain(await Steps(name), s => s.StartsWith("terminate-provider-asked", StringComparison.Ordinal));
    }

    // Without the turns that workers would have had meanwhile.
    private void Later(TimeSpan time) => clock.AdjustTime(clock.GetUtcNow() + time);

    private async Task<CertName> Launch()
    {
        var answer = await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() });
        return CertName.Parse(answer.Results.Single().Instance.Certname);
    }

    private async Task<string[]> Steps(CertName name) =>
        [.. (await host.As("viewer").GetTimelineAsync(new() { Certname = name.ToString() })).Events.SkipWhile(e => e.Key != "terminating")
            .Select(e => e.Key.StartsWith("terminate-", StringComparison.Ordinal) ? $"{e.Key}: {e.Detail}" : e.Key)];
}
