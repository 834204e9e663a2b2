using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A whole launch and its end on a running Conductor, in a cloud that only accepts, lists late and loses answers.</summary>
public sealed class Ec2LaunchTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;
    private ObjectStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        cloud = await Ec2Double.Start();
        provider = Ec2ProviderTests.Open(cloud.Url, "aws");
        store = world.OpenStore();
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = new QuickTurnsClock() });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        provider.Dispose();
        await cloud.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Launch_InACloud_GoesFromAcceptedToRunningToTerminated()
    {
        cloud.ListedLate = 2;
        cloud.LoseNextLaunch = true;
        var launched = (await host.As("admin").LaunchInstancesAsync(new() { Spec = Ec2ProviderTests.Spec() })).Results.Single();
        Assert.Equal("", launched.Reason);
        var name = CertName.Parse(launched.Instance.Certname);
        await Eventually.True(async () => (await Get(name)).State == InstanceState.Running, "the poller sees it run");
        Assert.Equal(["10.0.0.9"], (await Get(name)).Addresses);
        Assert.Equal(1, cloud.Launched);
        var record = (await host.Get<InstanceRecordsReader>().Read(name, default))!.Launch;
        Assert.Equal(("ec2", "us-east-1", name.ToString()), (record.Provider, record.Region, record.ClientToken));

        await store.PutIfAbsent(ObjectKeys.Closed(name),
            new Closure { Schema = 1, Certname = name.ToString(), At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);
        Assert.Equal(InstanceState.Terminated,
            (await host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() })).Instance.State);
        Assert.All(await provider.Inventory(default), l => Assert.True(l.Seen.IsGone));
    }

    [Fact]
    public async Task Launch_FiftyOfWhichSomeAreRefused_EachHasItsOwnResultAndCanBeRetried()
    {
        cloud.RefuseLaunches = 3;
        var answer = await host.As("admin").LaunchInstancesAsync(new() { Spec = Ec2ProviderTests.Spec(), Count = 50 });
        var refused = answer.Results.Where(r => r.Reason.Length > 0).ToList();
        Assert.Equal((50, 3, 47), (answer.Results.Count, refused.Count, cloud.Launched));
        Assert.All(refused, r => Assert.Contains("A limit of the account", r.Detail, StringComparison.Ordinal));
        foreach (var one in refused)
            Assert.Equal("", (await host.As("admin").RetryInstanceAsync(new() { Certname = one.Instance.Certname })).Reason);
        Assert.Equal(50, cloud.Launched);
    }

    [Fact]
    public async Task Launch_CloudCantBeUsed_NothingIsWritten()
    {
        cloud.Instead.Enqueue((401, Ec2Double.Error("AuthFailure")));
        var refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () => await host.As("admin")
            .LaunchInstancesAsync(new() { Spec = Ec2ProviderTests.Spec() }));
        Assert.Equal("PROVIDER_UNFIT", RpcDetails.Reason(refused));
        Assert.False(await store.Any("requests/", default));
    }

    private async Task<Instance> Get(CertName name) =>
        (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;
}
