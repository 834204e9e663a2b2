using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Why a launch failed, over real mTLS and a real directory store.</summary>
public sealed class LaunchFailedTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private ObjectStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = world.OpenStore();
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    /// <summary>Review, point 13: what a later try learns counts, and the next step is one that works.</summary>
    [Fact]
    public async Task P13_RetryThatLearnsMore_IsTheReasonFromThenOn()
    {
        provider.Refusal = new ProviderException("no room.");
        var first = await Launch();
        var retry = $"overture instance retry {first.Certname}";
        Assert.EndsWith($": no room. Once that is fixed, try again: {retry}", first.TroubleDetail, StringComparison.Ordinal);

        provider.Refusal = new ProviderException("i-1 was terminated at the cloud", final: true);
        for (var tries = 0; tries < 2; tries++)
            await host.As("operator").RetryInstanceAsync(new() { Certname = first.Certname, Force = true });
        var last = (await host.As("viewer").GetInstanceAsync(new() { Certname = first.Certname })).Instance;
        Assert.Contains("i-1 was terminated at the cloud", last.TroubleDetail, StringComparison.Ordinal);
        Assert.Contains($"overture instance terminate {first.Certname}) and launch another", last.TroubleDetail, StringComparison.Ordinal);
        Assert.DoesNotContain("retry", last.TroubleDetail, StringComparison.Ordinal);
        Assert.DoesNotContain("request id", last.TroubleDetail, StringComparison.Ordinal);
        // Both stay in the store, and the same answer again is not written again.
        var name = CertName.Parse(first.Certname);
        Assert.Equal("no room.", (await store.Get<InstanceFact>(ObjectKeys.Fact(name, "launch-failed"), default))!.Detail);
        Assert.Equal(2, await Facts(name));
        var timeline = await host.As("viewer").GetTimelineAsync(new() { Certname = first.Certname });
        Assert.Equal(2, timeline.Events.Count(e => e.Key.StartsWith("launch-failed", StringComparison.Ordinal)));

        // The step that was named does work, once CertAuthority has confirmed that the name is closed.
        await store.PutIfAbsent(ObjectKeys.Closed(name),
            new Closure { Schema = 1, Certname = first.Certname, At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);
        Assert.Equal(InstanceState.Terminated,
            (await host.As("operator").TerminateInstanceAsync(new() { Certname = first.Certname })).Instance.State);
    }

    /// <summary>Messages that differ at each try are ten facts at most; another verdict is one more.</summary>
    [Fact]
    public async Task Retry_MessageThatVaries_IsTenFactsAndAnotherVerdictOneMore()
    {
        provider.Refusal = new ProviderException("no room, answer 0");
        var name = CertName.Parse((await Launch()).Certname);
        for (var tries = 1; tries < 14; tries++)
        {
            provider.Refusal = new ProviderException($"no room, answer {tries}");
            await host.As("operator").RetryInstanceAsync(new() { Certname = name.ToString() });
        }
        Assert.Equal(10, await Facts(name));
        provider.Refusal = new ProviderException("never", final: true);
        await host.As("operator").RetryInstanceAsync(new() { Certname = name.ToString() });
        Assert.Equal(11, await Facts(name));
        var seen = (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;
        Assert.Contains("never", seen.TroubleDetail, StringComparison.Ordinal);
    }

    private async Task<int> Facts(CertName name)
    {
        var facts = 0;
        await foreach (var key in store.List(ObjectKeys.FactsOf(name), null, default))
            facts += key.Contains("launch-failed", StringComparison.Ordinal) ? 1 : 0;
        return facts;
    }

    private async Task<Instance> Launch() =>
        Assert.Single((await host.As("admin")
            .LaunchInstancesAsync(new LaunchInstancesRequest { Spec = ConductorFixture.Spec(), Count = 1, RequestId = "r1" })).Results)
            .Instance;
}
