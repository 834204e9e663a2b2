using System.Collections.Concurrent;
using Grpc.Core;
using Overture.Conductor.Instances;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A start on what the last snapshot knows, and what it must not believe.</summary>
[Trait("Category", "integration")]
public abstract class SnapshotSuite : IAsyncLifetime
{
    private protected readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private RedisServer redis = null!;
    private ConductorHost host = null!;
    private ObjectStore store = null!;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        store = await Open();
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Redis = redis.Endpoint });
        await Eventually.True(() => host.Get<Overture.Platform.Registry.RegistryConnection>().Healthy, "the registry is connected");
    }

    public virtual async Task DisposeAsync()
    {
        await host.DisposeAsync();
        await redis.DisposeAsync();
        world.Dispose();
    }

    private protected abstract Task<ObjectStore> Open();

    [Fact]
    public async Task Start_OnASnapshot_ReadsOnlyWhatIsNewer()
    {
        var settled = await Converged(20);
        Assert.True(await Save());
        var young = (await Launch(2, "young")).Concat(await Converged(1, "late")).ToList();
        var ended = settled[0];
        await host.Get<InstanceEventStore>().Write(ended, new InstanceFact { Event = InstanceEvents.Terminating }, default);
        await host.Get<InstanceEventStore>().Write(ended, new InstanceFact { Event = InstanceEvents.Terminated }, default);
        var before = await List();

        var read = await Restart();

        Assert.Equal(before.Count, (await List()).Count);
        Assert.Equal(InstanceState.Terminated, (await List()).Single(i => i.Certname == ended.ToString()).State);
        Assert.Equal(young.Select(n => n.ToString()).Order(),
            read.Where(k => k.StartsWith(ObjectKeys.Launches, StringComparison.Ordinal)).Select(k => k[ObjectKeys.Launches.Length..])
            .Distinct().Order());
        Assert.DoesNotContain(read, k => settled.Skip(1).Any(n => k.Contains(n.ToString(), StringComparison.Ordinal)));
        Assert.Contains(ObjectKeys.Fact(ended, InstanceEvents.Terminated), read);
    }

    [Fact]
    public async Task Start_OnASnapshot_KnowsOfEachWhatItsRecordsTell()
    {
        await Converged(3);
        var held = (await Launch(1, "held"))[0];
        var before = (await List()).ToDictionary(i => i.Certname);
        Assert.True(await Save());
        await Restart();
        Assert.Equal(before, (await List()).ToDictionary(i => i.Certname));
        Assert.NotEmpty((await host.As("viewer").GetTimelineAsync(new() { Certname = held.ToString() })).Events);
    }

    [Fact]
    public async Task Start_OnASnapshot_LaunchThatIsNotThereAnyMore_IsNotListed()
    {
        var names = await Converged(3);
        Assert.True(await Save());
        await store.Delete(ObjectKeys.Launch(names[0]), default);
        await Restart();
        Assert.Equal(names.Skip(1).Select(n => n.ToString()).Order(), (await List()).Select(i => i.Certname).Order());
        await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer")
            .GetInstanceAsync(new() { Certname = names[0].ToString() }));
    }

    [Theory]
    [InlineData("seal")]
    [InlineData("chunk")]
    [InlineData("cut")]
    public async Task Start_SnapshotThatNoConductorWrote_IsNotBelieved(string how)
    {
        var names = await Converged(2);
        Assert.True(await Save());
        var keys = await Keys();
        var key = keys.Single(k => k.EndsWith("/whole", StringComparison.Ordinal) == (how == "seal"));
        var bytes = (await store.Get(key, default))!.Body;
        await store.Delete(key, default);
        if (how == "seal")
        {
            var snapshot = RecordJson.Read<InstanceSnapshot>(bytes);
            snapshot.Seal = Google.Protobuf.ByteString.CopyFrom(new byte[32]);
            await store.PutIfAbsent(key, snapshot, default);
        }
        else if (how == "chunk")
        {
            bytes[^5] ^= 1;
            await store.PutIfAbsent(key, (ReadOnlyMemory<byte>)bytes, default);
        }
        var read = await Restart();
        Assert.Equal(2, (await List()).Count(i => i.State == InstanceState.Converged));
        Assert.All(names, n => Assert.Contains(ObjectKeys.Launch(n), read));
    }

    [Fact]
    public async Task Save_Again_KeepsTheOneBeforeAndNoMore()
    {
        await Converged(1);
        for (var i = 0; i < 4; i++)
            Assert.True(await Save());
        Assert.Equal(2, (await Keys()).Count(k => k.EndsWith("/whole", StringComparison.Ordinal)));
        Assert.Equal(4, (await Keys()).Count);
    }

    [Fact]
    public async Task Save_WhileAnotherConductorIsAtIt_WaitsForItsNextTurn()
    {
        await using var second =
            await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store, Redis = redis.Endpoint }, replica: "2");
        await Eventually.True(() => second.Get<Overture.Platform.Registry.RegistryConnection>().Healthy, "the registry is connected");
        Assert.True(await second.Get<Overture.Platform.Registry.Lease>().TryTake("snapshot", TimeSpan.FromMinutes(1)));
        Assert.False(await Save());
        await second.Get<Overture.Platform.Registry.Lease>().Release("snapshot");
        Assert.True(await Save());
    }

    [Fact]
    public async Task Save_WithoutARegistry_IsTakenAllTheSame()
    {
        await Converged(1);
        await redis.Kill();
        Assert.True(await Save());
    }

    [Fact]
    public async Task List_WhileTheFirstLookLasts_SaysHowFarItIs()
    {
        await Launch(5, "a");
        await host.DisposeAsync();
        using var gate = new SemaphoreSlim(0);
        var slow = new FaultyStore(store)
            { BeforeGet = key => key.StartsWith(ObjectKeys.Launches, StringComparison.Ordinal) ? gate.WaitAsync() : Task.CompletedTask };
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = slow, Redis = redis.Endpoint });

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer").ListInstancesAsync(new()));
        Assert.Equal((StatusCode.Unavailable, "STARTING"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Contains("has read 0 instances", refused.Status.Detail, StringComparison.Ordinal);

        gate.Release(1000);
        Assert.Equal(5, (await List()).Count);
    }

    [Fact]
    public async Task FirstLook_StoreAwayForAMoment_IsNotTakenForWhole()
    {
        await Launch(3, "a");
        await host.DisposeAsync();
        (await Shell.Run("redis-cli", "-p", $"{redis.Port}", "flushall")).Ok();
        var faulty = new FaultyStore(store);
        var struck = 0;
        faulty.BeforeGet = key => key.StartsWith(ObjectKeys.Launches, StringComparison.Ordinal) && Interlocked.Increment(ref struck) == 1
            ? Task.FromException(new Overture.Platform.Faults.FaultException(Overture.Platform.Faults.FaultKind.Unavailable,
                Reason.StoreUnavailable, "away")) : Task.CompletedTask;
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = faulty, Redis = redis.Endpoint });
        Assert.Equal(3, (await List()).Count);
        Assert.True(struck > 1);
    }

    private async Task<bool> Save()
    {
        var all = host.Get<InstanceRows>().Take(null, int.MaxValue, _ => true).Select(r => r.Evidence());
        return await host.Get<SnapshotStore>().Save(all, default);
    }

    /// <summary>Every key that was read from the start until all was seen.</summary>
    private async Task<IReadOnlyCollection<string>> Restart()
    {
        await host.DisposeAsync();
        var read = new ConcurrentQueue<string>();
        var seen = false;
        var watched = new FaultyStore(store)
        {
            BeforeGet = key =>
            {
                if (!Volatile.Read(ref seen))
                    read.Enqueue(key);
                return Task.CompletedTask;
            },
        };
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = watched, Redis = redis.Endpoint });
        await host.Get<InstanceTable>().FirstLook.WaitAsync(TimeSpan.FromSeconds(60));
        Volatile.Write(ref seen, true);
        return read;
    }

    private async Task<IReadOnlyList<Instance>> List() =>
        [.. (await host.As("viewer").ListInstancesAsync(new() { PageSize = 100, ShowTerminated = true })).Instances];

    private async Task<List<string>> Keys()
    {
        var keys = new List<string>();
        await foreach (var key in store.List(ObjectKeys.InstanceSnapshots, null, default))
            keys.Add(key);
        return keys;
    }

    private async Task<IReadOnlyList<CertName>> Converged(int count, string request = "converged")
    {
        var names = await Launch(count, request);
        foreach (var name in names)
        {
            await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
            await host.Get<InstanceTable>().Refold(name, default);
        }
        return names;
    }

    private async Task<IReadOnlyList<CertName>> Launch(int count, string request)
    {
        var answer = await host.As("operator")
            .LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(), Count = count, RequestId = request });
        return [.. answer.Results.Select(r => CertName.Parse(r.Instance.Certname))];
    }
}

public sealed class SnapshotTests : SnapshotSuite
{
    private protected override Task<ObjectStore> Open() => Task.FromResult(world.OpenStore());
}

/// <summary>The same on a server that counts each request.</summary>
public sealed class SnapshotS3Tests : SnapshotSuite
{
    private MotoServer moto = null!;
    private S3Store bucket = null!;

    private protected override async Task<ObjectStore> Open()
    {
        moto = await MotoServer.Start();
        return bucket = S3Store.At($"s3://{MotoServer.Bucket}/snapshots", "",
            new Overture.Platform.Objects.S3Options { ServiceUrl = moto.Endpoint.ToString(), Region = MotoServer.Region },
            new Amazon.Runtime.BasicAWSCredentials(moto.AccessKey, moto.SecretKey));
    }

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        bucket.Dispose();
        await moto.DisposeAsync();
    }
}
