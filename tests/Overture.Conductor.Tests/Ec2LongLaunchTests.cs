using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.Reconcile;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A launch with several places that lasts: long shortages, slow stores, and Conductors that do not know places.</summary>
public sealed class Ec2LongLaunchTests : IAsyncLifetime
{
    private const string A = "subnet-0a0a0a0a", B = "subnet-0b0b0b0b", NoCapacity = "InsufficientInstanceCapacity";
    private readonly ConductorFixture world = new();
    private readonly QuickTurnsClock clock = new();
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;
    private FaultyStore store = null!;
    private RedisServer redis = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        cloud = await Ec2Double.Start();
        provider = Ec2ProviderTests.Open(cloud.Url, "aws");
        store = new FaultyStore(world.OpenStore());
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = clock, Redis = redis.Endpoint });
        await Eventually.True(() => host.Get<RegistryConnection>().Healthy, "the registry is connected");
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        provider.Dispose();
        await cloud.DisposeAsync();
        await redis.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task LongShortage_EachRetryAsksEveryPlaceAndTheLastOneStarts()
    {
        cloud.Full[A] = cloud.Full[B] = NoCapacity;
        var name = CertName.Parse((await Launch()).Instance.Certname);
        for (var i = 1; i <= 10; i++)
        {
            Assert.Contains("no place has room now", (await Retry(name)).Detail, StringComparison.Ordinal);
            Assert.Equal(2 * (i + 1), cloud.Calls.Count(c => c["Action"] == "RunInstances"));
        }
        cloud.Full.Clear();
        Assert.NotEqual("", (await Retry(name)).Instance.InstanceId);
        Assert.Equal(1, cloud.Launched);
    }

    // A request that goes out long after its announcement would escape the proof that it began nothing.
    [Fact]
    public async Task AnnouncementThatTookLong_AsksForNothingAndGoesOnByItself()
    {
        cloud.Full[A] = NoCapacity;
        store.BeforeWrite = key =>
        {
            if (key.Contains("launch-attempt-", StringComparison.Ordinal))
                (store.BeforeWrite, clock.Shift) = (null, clock.Shift + TimeSpan.FromMinutes(2));
            return Task.CompletedTask;
        };
        var waits = await Launch();
        Assert.Contains("not asked in time", waits.Detail, StringComparison.Ordinal);
        Assert.Equal(0, cloud.Launched);
        clock.Shift += TimeSpan.FromMinutes(6);
        await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        Assert.Equal(1, cloud.Launched);
    }

    [Fact]
    public async Task Recorded_LaunchWithPlaces_IsRefusedByWhoDoesNotKnowThem()
    {
        await host.As("admin").LaunchInstancesAsync(new() { RequestId = "r1", Spec = Spec() });
        var keys = new List<string>();
        await foreach (var key in store.List("requests/", null, default))
            keys.Add(key);
        var request = (await store.Get<LaunchRequestRecord>(Assert.Single(keys), default))!;
        var old = RecordJson.Read<LaunchSpec>(request.Spec);
        // What such a Conductor reads of it.
        old.Ec2.SubnetIds.Clear();
        old.Ec2.InstanceTypes.Clear();
        Assert.Equal("instance_type", Assert.Single(provider.Check(old)).Field);
        Assert.Equal(Spec(), RecordedSpec.Read(request.Spec));
    }

    [Fact]
    public void Recorded_AnySpec_IsReadAsItWas()
    {
        LaunchSpec[] all = [Spec(), Ec2ProviderTests.Spec(), ConductorFixture.Spec(), new(),
            Ec2ProviderTests.Spec(s => s.Ec2 = new Ec2Settings { InstanceTypes = { "t3.small", "t3.large" } }),
            Ec2ProviderTests.Spec(s => s.Ec2 = new Ec2Settings { Spot = true, SpotFallback = SpotFallback.OnDemand }),
            ConductorFixture.Spec(s => s.Ec2 = new Ec2Settings { InstanceTypes = { "t3.small" } })];
        Assert.All(all, s => Assert.Equal(s, RecordedSpec.Read(RecordedSpec.Write(s))));
        Assert.Equal(RecordJson.WriteText(all[1]), RecordedSpec.Write(all[1]));
    }

    private static LaunchSpec Spec() => Ec2ProviderTests.Spec(s => s.Ec2 = new Ec2Settings { SubnetIds = { A, B } });

    private async Task<LaunchResult> Launch() => (await host.As("admin").LaunchInstancesAsync(new() { Spec = Spec() })).Results.Single();

    private async Task<RetryInstanceResponse> Retry(CertName name) =>
        await host.As("admin").RetryInstanceAsync(new() { Certname = name.ToString(), Force = true });
}
