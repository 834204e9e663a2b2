using Grpc.Core;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.Reconcile;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A launch that names several places: the next one where one has no room, and never an instance at two.</summary>
public sealed class Ec2PlacesTests : IAsyncLifetime
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
    public void Of_MarketsTypesSubnets_InTheDocumentedOrder()
    {
        var spec = Ec2ProviderTests.Spec(s => s.Ec2 = new Ec2Settings
        {
            SubnetIds = { A, B }, InstanceTypes = { "t3.small" }, Spot = true, SpotMaxPrice = "0.05",
            SpotFallback = SpotFallback.OnDemand,
        });
        Assert.Empty(provider.Check(spec));
        var places = Ec2Places.Of(spec);
        Assert.Equal([$"t3.micro in {A}, spot", $"t3.micro in {B}, spot", $"t3.small in {A}, spot", $"t3.small in {B}, spot",
            $"t3.micro in {A}, on demand", $"t3.micro in {B}, on demand", $"t3.small in {A}, on demand", $"t3.small in {B}, on demand"],
            places.Select(p => p.Text));
        Assert.Equal((true, "0.05", ""), (places[0].Spec.Ec2.Spot, places[0].Spec.Ec2.SpotMaxPrice, places[7].Spec.Ec2.SpotMaxPrice));
        var name = TestIds.New().CertName();
        Assert.All(places, p => Assert.Equal(p.Number, Ec2Places.PlaceOf(Ec2Places.Token(name, p.Number), name.ToString())));
        Assert.Null(Ec2Places.PlaceOf($"{name}.01", name.ToString()));
        Assert.Null(Ec2Places.PlaceOf("theirs", name.ToString()));
        // One place is what it always was, to the byte: the client token is refused else.
        Assert.Same(Ec2ProviderTests.Spec() is var one ? one : null, Ec2Places.Of(one)[0].Spec);
    }

    [Fact]
    public void Check_PlacesThatContradict_NameTheField()
    {
        string[] Fields(Action<Ec2Settings> change) => [.. provider.Check(Ec2ProviderTests.Spec(s => change(s.Ec2 = new Ec2Settings())))
            .Select(p => p.Field).Distinct()];
        Assert.Equal(["ec2.subnet_id"], Fields(e => { e.SubnetIds.Add(A); e.SubnetId = B; }));
        Assert.Equal(["ec2.subnet_ids"], Fields(e => e.SubnetIds.AddRange([A, A])));
        Assert.Equal(["ec2.availability_zone"], Fields(e => { e.SubnetIds.AddRange([A, B]); e.AvailabilityZone = "us-east-1a"; }));
        Assert.Equal(["ec2.instance_types"], Fields(e => e.InstanceTypes.Add("t3.micro")));
        Assert.Equal(["ec2.spot_fallback"], Fields(e => e.SpotFallback = SpotFallback.OnDemand));
    }

    [Theory]
    [InlineData(NoCapacity)]
    [InlineData("InsufficientFreeAddressesInSubnet")]
    [InlineData("Unsupported")]
    public async Task NoRoomInTheFirstSubnet_GoesToTheNextAtOnceAndSaysSo(string code)
    {
        cloud.Full[A] = code;
        var launched = await Launch(A, B);
        Assert.Equal(("", $"t3.micro in {B}, on demand"), (launched.Reason, launched.Instance.Placed));
        var name = launched.Instance.Certname;
        Assert.Equal([(A, name), (B, $"{name}.1")], Runs().Select(r => (r["SubnetId"], r["ClientToken"])));
        await Eventually.True(async () => (await Lines(name)).Exists(l => l.Contains($"no room at t3.micro in {A}, on demand ({code})",
            StringComparison.Ordinal) && l.Contains($"Next: t3.micro in {B}", StringComparison.Ordinal)), "the timeline says it");
        Assert.Equal(1, cloud.Launched);
        // Repeated, it is the same; and it is listed, found and ended by its name.
        Assert.Single(await provider.Inventory(default));
        Assert.False((await provider.Find(CertName.Parse(name), default)).IsGone);
        await provider.Stop(CertName.Parse(name), "", default, default);
        Assert.All(await provider.Inventory(default), l => Assert.True(l.Seen.IsGone));
    }

    [Fact]
    public async Task NoSpotInstance_IsOnDemandInTheEnd()
    {
        cloud.Full["spot"] = "MaxSpotInstanceCountExceeded";
        var launched = await Launch(s =>
            s.Ec2 = new Ec2Settings { SubnetIds = { A, B }, Spot = true, SpotFallback = SpotFallback.OnDemand });
        Assert.Equal($"t3.micro in {A}, on demand", launched.Instance.Placed);
        Assert.Equal([true, true, false], Runs().Select(r => r.ContainsKey("InstanceMarketOptions.MarketType")));
    }

    [Fact]
    public async Task NoRoomAnywhere_SaysEachPlace_AndARetryBeginsAgain()
    {
        (cloud.Full[A], cloud.Full[B]) = (NoCapacity, "Unsupported");
        var refused = await Launch(A, B);
        Assert.Equal("PROVIDER_FAILED", refused.Reason);
        Assert.Contains($"no place has room now: t3.micro in {A}, on demand: {NoCapacity}; t3.micro in {B}, on demand: Unsupported",
            refused.Detail, StringComparison.Ordinal);
        var name = CertName.Parse(refused.Instance.Certname);
        var records = (await host.Get<InstanceRecordsReader>().Read(name, default))!;
        Assert.True(LaunchAttempts.StartedNothing(records));
        Assert.False(records.LaunchFailure!.Final);
        cloud.Full.Clear();
        Assert.Equal($"t3.micro in {A}, on demand", (await Retry(name)).Instance.Placed);
        Assert.Equal(1, cloud.Launched);
    }

    // The cloud took the first request, and refuses the same one afterwards: its list is all that will show it.
    [Fact]
    public async Task FirstAnswerLostAndThenNoRoom_IsNeverASecondInstance()
    {
        (cloud.LoseNextLaunch, cloud.RoomFirst, cloud.ListedLate) = (true, true, int.MaxValue);
        cloud.FullAfterLost.Add(A);
        var waits = await Launch(A, B);
        Assert.Equal("PROVIDER_FAILED", waits.Reason);
        Assert.Contains("an answer of the provider was lost", waits.Detail, StringComparison.Ordinal);
        var name = CertName.Parse(waits.Instance.Certname);
        await Eventually.True(async () => (await Lines(name.ToString())).Exists(l => l.Contains("no other place is asked before",
            StringComparison.Ordinal)), "the timeline says it");
        for (var i = 0; i < 4; i++)
        {
            await Retry(name);
            clock.Shift += TimeSpan.FromMinutes(3);
        }
        Assert.All(Runs(), r => Assert.Equal(A, r["SubnetId"]));
        cloud.ListAll();
        Assert.NotEqual("", (await Retry(name)).Instance.InstanceId);
        Assert.Equal(1, cloud.Launched);
    }

    [Fact]
    public async Task FirstAnswerLostAndNothingBegun_TheReconcilerGoesOnOnceThatIsSure()
    {
        cloud.Full[A] = NoCapacity;
        cloud.Instead.Enqueue((200, "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>")); // CheckReady's
        cloud.Instead.Enqueue((200, "<R><imagesSet><item><imageState>available</imageState></item></imagesSet></R>"));
        cloud.Instead.Enqueue((503, Ec2Double.Error("Unavailable")));
        var name = CertName.Parse((await Launch(A, B)).Instance.Certname);
        clock.Shift = TimeSpan.FromMinutes(9);
        await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        Assert.DoesNotContain(Runs(), r => r["SubnetId"] == B);
        clock.Shift = TimeSpan.FromMinutes(40);
        await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        Assert.Contains(cloud.Calls, c => c.GetValueOrDefault("Filter.1.Name") == "client-token");
        Assert.Equal(1, cloud.Launched);
        Assert.Equal($"t3.micro in {B}, on demand", (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() }))
            .Instance.Placed);
    }

    // All that a Conductor leaves that is killed before or after such a write.
    [Theory]
    [InlineData("launch-refused-first", false)]
    [InlineData("launch-refused-first", true)]
    [InlineData("launch-attempt-", false)]
    [InlineData("launch-attempt-", true)]
    [InlineData("/launched", false)]
    public async Task CutOffAtAnyWrite_TheSameRequestStartsOne(string write, bool after)
    {
        cloud.Full[A] = NoCapacity;
        store.BeforeWrite = key =>
        {
            if (key.Contains(write, StringComparison.Ordinal))
                store.Arm(1, after);
            return Task.CompletedTask;
        };
        var request = new LaunchInstancesRequest { RequestId = "r1", Spec = Spec(A, B) };
        await Assert.ThrowsAsync<RpcException>(async () => await host.As("admin").LaunchInstancesAsync(request));
        Assert.True(store.Struck);
        (store.BeforeWrite, clock.Shift) = (null, TimeSpan.FromMinutes(20));
        store.Disarm();
        for (var i = 0; i < 2; i++)
            await host.As("admin").LaunchInstancesAsync(request);
        var name = CertName.Parse((await host.As("admin").LaunchInstancesAsync(request)).Results.Single().Instance.Certname);
        var shown = (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;
        Assert.NotEqual("", shown.InstanceId);
        Assert.Equal(1, cloud.Launched);
    }

    // Between what it read and what it announces, another has gone on to the next place.
    [Fact]
    public async Task AnotherAttemptAtAnotherPlace_AsksForNothing()
    {
        cloud.Full[A] = cloud.Full[B] = NoCapacity;
        var name = CertName.Parse((await Launch(A, B)).Instance.Certname);
        cloud.ListedLate = int.MaxValue;
        cloud.Full.TryRemove(B, out _);
        store.BeforeWrite = async key =>
        {
            if (!key.Contains("launch-attempt-", StringComparison.Ordinal))
                return;
            store.BeforeWrite = null;
            Assert.Equal($"t3.micro in {B}, on demand", (await Retry(name)).Instance.Placed);
            cloud.Full.Clear();
        };
        await Retry(name);
        Assert.Null(store.BeforeWrite);
        Assert.Equal(1, cloud.Launched);
    }

    [Fact]
    public async Task ManyAskAtOnceWhileRoomComesAndGoes_IsOneInstance()
    {
        cloud.Full[A] = cloud.Full[B] = NoCapacity;
        var name = CertName.Parse((await Launch(A, B)).Instance.Certname);
        using var stop = new CancellationTokenSource();
        var weather = Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                cloud.Full.TryRemove(i % 2 == 0 ? A : B, out _);
                await Task.Yield();
                (cloud.Full[A], cloud.Full[B]) = (NoCapacity, NoCapacity);
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Retry(name)));
        await stop.CancelAsync();
        await weather;
        cloud.Full.Clear();
        for (var i = 0; i < 3; i++)
            await Retry(name);
        Assert.Equal(1, cloud.Launched);
    }

    private static LaunchSpec Spec(params string[] subnets) =>
        Ec2ProviderTests.Spec(s => s.Ec2 = new Ec2Settings { SubnetIds = { subnets } });

    private Task<LaunchResult> Launch(params string[] subnets) => Launch(s => s.Ec2 = new Ec2Settings { SubnetIds = { subnets } });

    private async Task<LaunchResult> Launch(Action<LaunchSpec> change) =>
        (await host.As("admin").LaunchInstancesAsync(new() { Spec = Ec2ProviderTests.Spec(change) })).Results.Single();

    private async Task<RetryInstanceResponse> Retry(CertName name) =>
        await host.As("admin").RetryInstanceAsync(new() { Certname = name.ToString(), Force = true });

    private List<IReadOnlyDictionary<string, string>> Runs() => [.. cloud.Calls.Where(c => c["Action"] == "RunInstances")];

    private async Task<List<string>> Lines(string name) =>
        [.. (await host.As("viewer").GetTimelineAsync(new() { Certname = name })).Events.Select(e => e.Detail)];
}
