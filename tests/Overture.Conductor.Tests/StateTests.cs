using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
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

/// <summary>Lists, watches and timelines with a real registry: there, gone, emptied, and another Conductor's.</summary>
[Trait("Category", "integration")]
public sealed class StateTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private RedisServer redis = null!;
    private ConductorHost host = null!;
    private ObjectStore store = null!;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        store = world.OpenStore();
        host = await ConductorHost.Start(world, new() { Provider = provider, Redis = redis.Endpoint });
        await Eventually.True(() => host.Get<Overture.Platform.Registry.RegistryConnection>().Healthy, "the registry is connected");
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        await redis.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task List_Pages_ShowEachInstanceOnceNewestFirst()
    {
        for (var i = 0; i < 5; i++)
            await Launch(5, $"r{i}");
        await AssertPages(25, size: 7);
        await AssertPages(25, size: 25);
        await AssertPages(25, size: 1);
    }

    [Fact]
    public async Task List_RegistryGone_AnswersFromTheStoreInTheSameOrder()
    {
        for (var i = 0; i < 3; i++)
            await Launch(4, $"r{i}");
        var before = await AssertPages(12, size: 5);
        var firstPage = await host.As("viewer").ListInstancesAsync(new() { PageSize = 5 });
        await redis.Kill();
        Assert.Equal(before, await AssertPages(12, size: 5));
        // A token given out with the registry is good without it.
        var second = await host.As("viewer").ListInstancesAsync(new() { PageSize = 5, PageToken = firstPage.NextPageToken });
        Assert.Equal(before.Skip(5).Take(5), second.Instances.Select(i => i.Certname));
        Assert.NotNull((await host.As("viewer").GetInstanceAsync(new() { Certname = before[0] })).Instance);
        Assert.NotEmpty((await host.As("viewer").GetTimelineAsync(new() { Certname = before[0] })).Events);
    }

    [Fact]
    public async Task List_RegistryEmptiedAndOneLaunchedAfter_StillShowsAllAndTheIndexComesBack()
    {
        await Launch(6, "before");
        (await Shell.Run("redis-cli", "-p", $"{redis.Port}", "flushall")).Ok();
        await Launch(1, "after");
        await AssertPages(7, size: 3);
        await Eventually.True(async () => (await Shell.Run("redis-cli", "-p", $"{redis.Port}", "zcard", "overture:instances"))
            .Output.Trim() == "7", "the index is whole again");
        await AssertPages(7, size: 3);
    }

    [Fact]
    public async Task Index_RegistryTakesNoWrites_IsSaidToBeRebuiltOnlyWhenItWas()
    {
        var log = new LoggedLines<IndexWriter>();
        var writer = new IndexWriter(host.Get<Overture.Platform.Registry.InstanceIndex>(), log);
        await Launch(2, "r");
        await redis.Cli("flushall");
        await redis.ReplicaOf(9);
        for (var i = 0; i < 3; i++)
            await writer.Repair(host.Get<InstanceRows>(), whole: false);
        Assert.Empty(log.Said);
        await redis.Promote();
        await Eventually.True(async () =>
        {
            await writer.Repair(host.Get<InstanceRows>(), whole: false);
            return await redis.Cli("zcard", "overture:instances") == "2";
        }, "the index is whole again");
        Assert.InRange(log.Said.Count, 0, 1); // none where the service's own sweep was first
    }

    [Fact]
    public async Task List_ConductorAndRegistryBothAnew_ShowsAllFromTheFirstAnswerOn()
    {
        for (var i = 0; i < 3; i++)
            await Launch(20, $"r{i}");
        (await Shell.Run("redis-cli", "-p", $"{redis.Port}", "flushall")).Ok();
        await host.DisposeAsync();
        // A store that takes its time, so that the first look at it lasts.
        var slow = new FaultyStore(store)
            { BeforeGet = key => key.StartsWith("launches/", StringComparison.Ordinal) ? Task.Delay(20) : Task.CompletedTask };
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = slow, Redis = redis.Endpoint });
        await Eventually.True(async () => (await Shell.Run("redis-cli", "-p", $"{redis.Port}", "zcard", "overture:instances"))
            .Output.Trim() != "0", "the index begins to fill");
        Assert.Equal(60, (await List(new() { PageSize = 100 })).Count);
    }

    [Fact]
    public async Task List_Filters_ByStateAndProfile()
    {
        await Launch(2, "a", s => s.Profile = "web");
        await Launch(3, "b", s => s.Profile = "db");
        var gone = CertName.Parse((await Launch(1, "c", s => s.Profile = "web"))[0]);
        await host.Get<InstanceEventStore>().Write(gone, new InstanceFact { Event = InstanceEvents.Terminating }, default);
        await host.Get<InstanceEventStore>().Write(gone, new InstanceFact { Event = InstanceEvents.Terminated }, default);
        await host.Get<InstanceTable>().Refold(gone, default);

        Assert.Equal(5, (await List(new())).Count);
        Assert.Equal(6, (await List(new() { ShowTerminated = true })).Count);
        Assert.Equal(2, (await List(new() { Profile = "web" })).Count);
        Assert.Equal(gone.ToString(), Assert.Single(await List(new() { State = InstanceState.Terminated })).Certname);
        Assert.Equal(2, (await List(new() { Profile = "web", State = InstanceState.Running })).Count);
        Assert.Empty(await List(new() { State = InstanceState.Converged }));
    }

    [Theory]
    [InlineData(-1, "", "page_size")]
    [InlineData(501, "", "page_size")]
    [InlineData(1, "garbage", "page_token")]
    [InlineData(1, "AAAA", "page_token")]
    public async Task List_BadInput_NamesTheField(int size, string token, string field)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer")
            .ListInstancesAsync(new() { PageSize = size, PageToken = token }));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Equal(field, RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Single().Field);
    }

    [Fact]
    public async Task List_TokenOfAnotherFilter_IsInvalidArgument()
    {
        await Launch(3, "a");
        var token = (await host.As("viewer").ListInstancesAsync(new() { PageSize = 1 })).NextPageToken;
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer")
            .ListInstancesAsync(new() { PageSize = 1, PageToken = token, Profile = "web" }));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        // The page size is no part of the filter.
        Assert.Equal(2, (await host.As("viewer").ListInstancesAsync(new() { PageSize = 2, PageToken = token })).Instances.Count);
    }

    [Fact]
    public async Task Get_UnknownOrMalformed_IsNotFoundOrInvalid()
    {
        var unknown = await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer")
            .GetInstanceAsync(new() { Certname = "0f8fad5b-d9cb-469f-a165-70867728950e" }));
        var malformed = await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer")
            .GetInstanceAsync(new() { Certname = "../etc" }));
        Assert.Equal((StatusCode.NotFound, StatusCode.InvalidArgument), (unknown.StatusCode, malformed.StatusCode));
    }

    [Fact]
    public async Task Watch_UntilSettled_SendsEachStateAndEnds()
    {
        var name = CertName.Parse((await Launch(1, "r"))[0]);
        using var call = host.As("viewer").WatchInstances(new() { Certnames = { name.ToString() }, UntilSettled = true });
        Assert.True(await call.ResponseStream.MoveNext(default));
        Assert.Equal(InstanceState.Running, call.ResponseStream.Current.Instance.State);

        await Sign(name);
        Assert.True(await call.ResponseStream.MoveNext(default));
        Assert.Equal(InstanceState.Signed, call.ResponseStream.Current.Instance.State);
        Assert.Equal("01ab", call.ResponseStream.Current.Instance.Serial);

        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
        Assert.True(await call.ResponseStream.MoveNext(default));
        Assert.Equal(InstanceState.Converged, call.ResponseStream.Current.Instance.State);
        Assert.False(await call.ResponseStream.MoveNext(default));
    }

    [Fact]
    public async Task Watch_WordOnTheFeed_ArrivesBeforeTheSweepWould()
    {
        var name = CertName.Parse((await Launch(1, "r"))[0]);
        using var call = host.As("viewer").WatchInstances(new() { Certnames = { name.ToString() } });
        await call.ResponseStream.MoveNext(default);
        var watch = new List<TimeSpan>();
        // Converged ones are swept every 30 s only: what is faster came by the feed.
        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
        await call.ResponseStream.MoveNext(default);
        var clock = Stopwatch.StartNew();
        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Terminating }, default);
        host.Get<Overture.Platform.Registry.Timeline>().Announce(name, "terminating");
        await call.ResponseStream.MoveNext(default);
        watch.Add(clock.Elapsed);
        Assert.Equal(InstanceState.Terminating, call.ResponseStream.Current.Instance.State);
        Assert.True(watch[0] < TimeSpan.FromSeconds(25), $"took {watch[0]}");
    }

    [Fact]
    public async Task Watch_NotOneWordOfTheFeed_StillAdvances()
    {
        // No registry at all, so no feed; facts come by the store alone.
        await using var deaf = await ConductorHost.Start(world, new() { Provider = provider }, replica: "2");
        var name = CertName.Parse((await Launch(1, "r"))[0]);
        using var call = deaf.As("viewer").WatchInstances(new() { Certnames = { name.ToString() }, UntilSettled = true });
        var seen = new List<InstanceState>();
        while (await call.ResponseStream.MoveNext(default).WaitAsync(TimeSpan.FromSeconds(60)))
        {
            seen.Add(call.ResponseStream.Current.Instance.State);
            if (seen[^1] == InstanceState.Running)
                await Sign(name);
            else if (seen[^1] == InstanceState.Signed)
                await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
        }
        Assert.Equal([InstanceState.Running, InstanceState.Signed, InstanceState.Converged], seen);
    }

    [Fact]
    public async Task Watch_UnknownName_IsNotFound()
    {
        using var call = host.As("viewer").WatchInstances(new() { Certnames = { TestIds.New().CertName().ToString() } });
        var refused = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default));
        Assert.Equal(StatusCode.NotFound, refused.StatusCode);
    }

    [Fact]
    public async Task Watch_ServiceStops_EndsTheStreamSoonWithAReason()
    {
        var second = await ConductorHost.Start(world, new() { Provider = provider, Redis = redis.Endpoint }, replica: "2");
        var name = (await Launch(1, "r"))[0];
        using var call = second.As("viewer").WatchInstances(new() { Certnames = { name } });
        await call.ResponseStream.MoveNext(default);
        var stopping = second.Get<Microsoft.Extensions.Hosting.IHost>().StopAsync();
        var ended = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal((StatusCode.Unavailable, "SHUTTING_DOWN"), (ended.StatusCode, RpcDetails.Reason(ended)));
        await stopping;
        await second.DisposeAsync();
    }

    [Fact]
    public async Task SecondConductor_WithItsOwnRegistry_SeesLaunchesAndFactsOfTheFirst()
    {
        await using var otherRedis = await RedisServer.Start();
        await using var second = await ConductorHost.Start(world,
            new() { Provider = new FakeProvider { Account = "workstation" }, Redis = otherRedis.Endpoint }, replica: "2");
        var name = CertName.Parse((await Launch(1, "r"))[0]);
        await Eventually.True(async () => (await second.As("viewer").ListInstancesAsync(new()))
            .Instances.Any(i => i.Certname == name.ToString()), "the second lists it");
        using var call = second.As("viewer").WatchInstances(new() { Certnames = { name.ToString() } });
        await call.ResponseStream.MoveNext(default);
        await Sign(name);
        await call.ResponseStream.MoveNext(default).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(InstanceState.Signed, call.ResponseStream.Current.Instance.State);
    }

    [Fact]
    public async Task Timeline_RegistryEmptied_HasTheSameKeysFromTheStore()
    {
        var name = CertName.Parse((await Launch(1, "r"))[0]);
        await Sign(name);
        var with = await host.As("viewer").GetTimelineAsync(new() { Certname = name.ToString() });
        (await Shell.Run("redis-cli", "-p", $"{redis.Port}", "flushall")).Ok();
        var without = await host.As("viewer").GetTimelineAsync(new() { Certname = name.ToString() });
        Assert.Equal(["requested", "launched", "csr-received", "signed"], with.Events.Select(e => e.Key));
        Assert.Equal(with.Events.Select(e => e.Key), without.Events.Select(e => e.Key));
        Assert.Equal(32, with.TraceId.Length);
        Assert.All(without.Events, e => Assert.Equal(with.TraceId, e.TraceId));
        Assert.All(with.Events.Where(e => e.Service == "conductor"), e => Assert.Equal(with.TraceId, e.TraceId));
    }

    [Fact]
    public async Task Refusal_InTheTimeline_IsShownAsTrouble()
    {
        var name = CertName.Parse((await Launch(1, "r"))[0]);
        host.Get<Overture.Platform.Registry.Timeline>()
            .Add("certauthority", name, "csr-refused:TOKEN_MISMATCH", "the token is wrong", Reason.TokenMismatch);
        await Eventually.True(async () => (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() }))
            .Instance.Trouble == InstanceTrouble.CsrRefused, "the refusal shows");
        await Sign(name);
        Assert.Equal(InstanceTrouble.Unspecified,
            (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance.Trouble);
    }

    [Fact]
    public async Task Claim_ForPuppetserversOwnCa_IsSignedOnceItsCertificateIsWrittenDown()
    {
        var name = CertName.Parse((await Launch(1, "r"))[0]);
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        await store.PutIfAbsent(ObjectKeys.Claim(name, "1"),
            new Claim { Schema = 1, Certname = name.ToString(), Claim_ = "1", Issuer = "stock", CsrReceivedAt = now, ClaimedAt = now },
            default);
        Assert.Equal(InstanceState.CsrReceived,
            (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance.State);

        await store.PutIfAbsent(ObjectKeys.StockCertificate(name),
            new CertificateRecord { Schema = 1, Serial = "07", Certname = name.ToString(), SignedAt = now }, default);

        var instance = (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;
        Assert.Equal((InstanceState.Signed, "07"), (instance.State, instance.Serial));
    }

    [Fact]
    public async Task DamagedRecord_OfOneInstance_DoesNotHideTheOthers()
    {
        await Launch(2, "r");
        await store.PutIfAbsent(ObjectKeys.Launch(TestIds.New().CertName()), "{ not json"u8.ToArray(), default);
        await redis.Kill();
        await AssertPages(2, size: 10);
    }

    // What CertAuthority writes.
    private async Task Sign(CertName name)
    {
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        await store.PutIfAbsent(ObjectKeys.Certificate("01ab"),
            new CertificateRecord { Schema = 1, Serial = "01ab", Certname = name.ToString(), SignedAt = now }, default);
        await store.PutIfAbsent(ObjectKeys.Claim(name, "1"),
            new Claim { Schema = 1, Certname = name.ToString(), Claim_ = "1", Serial = "01ab", CsrReceivedAt = now, ClaimedAt = now },
            default);
    }

    private async Task<List<string>> Launch(int count, string requestId, Action<LaunchSpec>? change = null) =>
        [.. (await host.As("admin")
            .LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(change), Count = count, RequestId = requestId }))
            .Results.Select(r => r.Instance.Certname)];

    private async Task<List<Instance>> List(ListInstancesRequest request) =>
        [.. (await host.As("viewer").ListInstancesAsync(request)).Instances];

    private async Task<List<string>> AssertPages(int count, int size)
    {
        var seen = new List<Instance>();
        var request = new ListInstancesRequest { PageSize = size };
        do
        {
            var page = await host.As("viewer").ListInstancesAsync(request);
            Assert.True(page.Instances.Count <= size);
            seen.AddRange(page.Instances);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        Assert.Equal(count, seen.Select(i => i.Certname).Distinct().Count());
        Assert.Equal(count, seen.Count);
        Assert.Equal(seen.OrderByDescending(i => i.CreatedAt.ToDateTimeOffset()).ThenByDescending(i => i.Certname, StringComparer.Ordinal)
            .Select(i => i.Certname), seen.Select(i => i.Certname));
        return [.. seen.Select(i => i.Certname)];
    }
}
