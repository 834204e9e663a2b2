using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>retry of an instance that stalled: another in its place.</summary>
public sealed class ReplaceTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private readonly FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
    private ConductorHost host = null!;
    private ObjectStore store = null!;

    public async Task InitializeAsync()
    {
        store = world.OpenStore();
        host = await ConductorHost.Start(world, new() { Provider = provider, Clock = clock });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Retry_Stalled_IsReplacedAndEnds()
    {
        var stalled = await Stalled();
        var answer = await Retry(stalled);
        Assert.Equal((stalled.ToString(), "", ""), (answer.Replaces, answer.Reason, answer.Detail));
        var other = CertName.Parse(answer.Instance.Certname);
        Assert.NotEqual(stalled, other);
        Assert.Equal(1, provider.Starts[other]);
        Assert.Equal("web", answer.Instance.Labels["tier"]);
        var asked = provider.Asked.ToDictionary(a => a.Name, a => a.UserData);
        Assert.NotEqual(asked[stalled], asked[other]);
        Assert.NotNull(await store.Get(ObjectKeys.Fact(stalled, "terminating"), default));
    }

    [Fact]
    public async Task Retry_StalledAgainAndAgain_FindsTheSameOne()
    {
        var stalled = await Stalled();
        var first = await Retry(stalled);
        // It is ending now: the answer of the first call may have been lost.
        var second = await Retry(stalled);
        Assert.Equal((first.Instance.Certname, first.Replaces), (second.Instance.Certname, second.Replaces));
        Assert.Equal(2, provider.Starts.Count);
        // For every caller.
        Assert.Equal(first.Instance.Certname,
            (await host.As("operator").RetryInstanceAsync(new() { Certname = stalled.ToString() })).Instance.Certname);
        Assert.Equal(2, provider.Starts.Count);
    }

    [Fact]
    public async Task Retry_ReplacementWasTerminatedMeanwhile_DoesNotEndTheStalledOneToo()
    {
        var stalled = await Stalled();
        var other = CertName.Parse((await Retry(stalled, keepFailed: true)).Instance.Certname);
        await host.Get<Instances.InstanceEventStore>()
            .Write(other, new Overture.Records.V1.InstanceFact { Event = "terminating" }, default);
        await host.Get<Instances.InstanceEventStore>().Write(other, new Overture.Records.V1.InstanceFact { Event = "terminated" }, default);
        Assert.Contains($"{stalled} is kept", (await Retry(stalled)).Detail, StringComparison.Ordinal);
        Assert.Null(await store.Get(ObjectKeys.Fact(stalled, "terminating"), default));
    }

    [Fact]
    public async Task Retry_StalledOneCameRightMeanwhile_IsNotEnded()
    {
        var stalled = await Stalled();
        provider.BeforeStart = async _ =>
            await host.Get<Instances.InstanceEventStore>()
                .Write(stalled, new Overture.Records.V1.InstanceFact { Event = "converged" }, default);
        Assert.Contains("has recovered meanwhile", (await Retry(stalled)).Detail, StringComparison.Ordinal);
        Assert.Null(await store.Get(ObjectKeys.Fact(stalled, "terminating"), default));
    }

    // A writer of the bucket must not decide what is launched and signed (T82).
    [Fact]
    public async Task Retry_RequestThatSomebodyWrote_IsNotGoneBy()
    {
        var stalled = await Stalled();
        var record = (await host.Get<Instances.InstanceRecordsReader>().Read(stalled, default))!.Launch;
        var key = ObjectKeys.Request(record.Caller, record.RequestId);
        var request = (await store.Get<Overture.Records.V1.LaunchRequestRecord>(key, default))!;
        request.Spec = request.Spec.Replace("puppet.example.com", "evil.example.com", StringComparison.Ordinal);
        await store.Delete(key, default);
        await store.PutIfAbsent(key, request, default);
        var refused = await Assert.ThrowsAsync<RpcException>(() => Retry(stalled));
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Contains("was not recorded", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Single(provider.Starts);
    }

    [Fact]
    public async Task Retry_KeepFailed_LeavesTheStalledOneAsItIs()
    {
        var stalled = await Stalled();
        var first = await Retry(stalled, keepFailed: true);
        Assert.Equal(InstanceTrouble.BootStalled, (await Get(stalled)).Trouble);
        Assert.Contains(stalled, provider.Running);
        Assert.Equal(first.Instance.Certname, (await Retry(stalled, keepFailed: true)).Instance.Certname);
        Assert.Equal(2, provider.Running.Count);
    }

    [Fact]
    public async Task Retry_StalledAndProtected_IsReplacedAndStays()
    {
        var stalled = await Stalled(s => s.Protected = true);
        var answer = await Retry(stalled);
        Assert.Contains("is protected and is kept", answer.Detail, StringComparison.Ordinal);
        Assert.Equal("", answer.Reason);
        Assert.Null(await store.Get(ObjectKeys.Fact(stalled, "terminating"), default));
    }

    [Fact]
    public async Task Retry_ReplacementIsRefused_TheStalledOneIsNotEnded()
    {
        var stalled = await Stalled();
        provider.Refusal = new ProviderException("no capacity");
        var answer = await Retry(stalled);
        Assert.Equal("PROVIDER_FAILED", answer.Reason);
        Assert.Null(await store.Get(ObjectKeys.Fact(stalled, "terminating"), default));
        provider.Refusal = null;
        Assert.Equal("", (await Retry(stalled)).Reason);
        Assert.NotNull(await store.Get(ObjectKeys.Fact(stalled, "terminating"), default));
    }

    [Fact]
    public async Task Retry_RegisteredAndStalled_SaysWhoStartsIt()
    {
        var name = CertName.Parse((await host.As("admin").RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec() }))
            .Instance.Certname);
        Leap(TimeSpan.FromHours(25));
        Assert.Equal(InstanceTrouble.BootStalled, (await Get(name)).Trouble);
        var refused = await Assert.ThrowsAsync<RpcException>(() => Retry(name));
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Contains("is not started from here", refused.Status.Detail, StringComparison.Ordinal);
    }

    private async Task<CertName> Stalled(Action<LaunchSpec>? change = null)
    {
        var spec = ConductorFixture.Spec(change);
        spec.Labels["tier"] = "web";
        var answer = await host.As("admin").LaunchInstancesAsync(new() { Spec = spec });
        Leap(TimeSpan.FromMinutes(31));
        var name = CertName.Parse(answer.Results.Single().Instance.Certname);
        Assert.Equal(InstanceTrouble.BootStalled, (await Get(name)).Trouble);
        return name;
    }

    // Without the turns that workers would have had meanwhile: there are hundreds of thousands of them.
    private void Leap(TimeSpan time) => clock.AdjustTime(clock.GetUtcNow() + time);

    private async Task<RetryInstanceResponse> Retry(CertName name, bool keepFailed = false) =>
        await host.As("admin").RetryInstanceAsync(new() { Certname = name.ToString(), KeepFailed = keepFailed });

    private async Task<Instance> Get(CertName name) =>
        (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;
}
