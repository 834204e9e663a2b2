using Amazon.Runtime;
using Amazon.S3.Model;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>One gateway for all of a class, with a bucket.</summary>
public sealed class RgwFixture : IAsyncLifetime
{
    public const string Bucket = "overture-test";

    public RgwServer Server { get; private set; } = null!;

    public S3Options Options => new() { ServiceUrl = Server.Endpoint.ToString() };

    public AWSCredentials Key => new BasicAWSCredentials(RgwServer.AccessKey, RgwServer.SecretKey);

    public S3Store Open(string prefix, AWSCredentials? key = null) => S3Store.At($"s3://{Bucket}/{prefix}", "", Options, key ?? Key);

    public async Task InitializeAsync()
    {
        Server = await RgwServer.Start();
        using var client = S3Client.Make(Options, Key);
        await client.PutBucketAsync(Bucket);
    }

    public async Task DisposeAsync() => await Server.DisposeAsync();
}

/// <summary>S3Store on Ceph's object gateway, which compares If-Match without quotes: the suite runs as a probe has set it.</summary>
[Trait("Category", "integration")]
public sealed class RgwStoreTests(RgwFixture rgw) : ObjectStoreSuite, IClassFixture<RgwFixture>, IAsyncLifetime
{
    private readonly string prefix = TestIds.New().Unguessable();
    private readonly List<S3Store> opened = [];

    protected override ObjectStore Open()
    {
        var store = rgw.Open(prefix);
        store.ETagForm = ETagForm.Bare;
        opened.Add(store);
        return store;
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync()
    {
        opened.ForEach(o => o.Dispose());
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Probe_NewStore_FindsThatETagsGoBareAndKeepsIt()
    {
        using var store = rgw.Open(prefix);
        Assert.Equal(ETagForm.Quoted, store.ETagForm);
        var probe = new StoreProbe(store, TestIds.New());
        await probe.Run(rounds: 2, writers: 16, default);
        Assert.Equal(ETagForm.Bare, store.ETagForm);
        var (promises, settings) = await probe.Check(writers: 16, default);
        Assert.All(promises, p => Assert.True(p.Kept, p.Detail));
        Assert.Contains(promises, p => p.Name == StoreProbe.ReplacesCurrent
            && p.Detail == "a write against the current version is taken, its ETag sent without quotes");
        Assert.Equal(new StoreSettings(false, "off"), settings);
        Assert.Equal(ETagForm.Bare, store.ETagForm);
    }

    [Fact]
    public async Task Races_OfCreatorsAndOfReplacers_HaveOneWinnerEach()
    {
        var clients = Enumerable.Range(0, 4).Select(_ => Open()).ToList();
        var full = Full.Asked;
        for (var round = 0; round < (full ? 60 : 15); round++)
        {
            var key = $"races/{round}";
            Assert.Single(await Task.WhenAll(clients.Select((c, i) => c.PutIfAbsent(key, Bytes($"{i}"), default))), PutOutcome.Stored);
            var etag = (await clients[0].Get(key, default))!.ETag;
            Assert.Single(await Task.WhenAll(clients.Select((c, i) => c.PutIfMatch(key, Bytes($"{i} again"), etag, default))),
                PutOutcome.Stored);
        }
    }

    // It takes every conditional write to a bucket with versioning; where that is suspended, a deleted object is in the way of a new one.
    [Fact]
    public async Task VersionedBucket_EnabledOrSuspended_IsRefusedWithTheCure()
    {
        using var client = S3Client.Make(rgw.Options, rgw.Key);
        await client.PutBucketAsync("versioned");
        await Versioning(Amazon.S3.VersionStatus.Enabled);
        using var store = S3Store.At("s3://versioned", "", rgw.Options, rgw.Key);
        var probe = new StoreProbe(store, TestIds.New());
        var refused = await Assert.ThrowsAsync<FaultException>(() => probe.Run(rounds: 1, writers: 8, default));
        Assert.Contains("it breaks one-winner: 8 of 8 racing creators won; use one that keeps it, or a bucket whose versioning was never "
            + "enabled", refused.Message, StringComparison.Ordinal);
        Assert.Equal("enabled", (await probe.Check(writers: 8, default)).Settings.Versioning);
        Assert.Equal(ETagForm.Quoted, store.ETagForm);

        await Versioning(Amazon.S3.VersionStatus.Suspended);
        var (promises, settings) = await probe.Check(writers: 8, default);
        Assert.Equal((StoreProbe.CreatesAgain, "suspended"), (Assert.Single(promises, p => !p.Kept).Name, settings.Versioning));
        Assert.Contains("it breaks creates-again: a deleted object could not be created again; use one that keeps it, or a bucket whose "
            + "versioning was never enabled", probe.Broken(promises, settings), StringComparison.Ordinal);

        Task Versioning(Amazon.S3.VersionStatus status) => client.PutBucketVersioningAsync(new PutBucketVersioningRequest
        {
            BucketName = "versioned",
            VersioningConfig = new S3BucketVersioningConfig { Status = status },
        });
    }

    [Theory]
    [InlineData("wrong key", "refuses us (SignatureDoesNotMatch)")]
    [InlineData("unknown key", "refuses us (InvalidAccessKeyId)")]
    [InlineData("another's bucket", "refuses us (AccessDenied)")]
    [InlineData("no bucket", "NoSuchBucket")]
    public async Task Outage_Permanent_IsUnavailableAndNamesTheCause(string what, string says)
    {
        using var store = what switch
        {
            "wrong key" => rgw.Open(prefix, new BasicAWSCredentials(RgwServer.AccessKey, "wrong")),
            "unknown key" => rgw.Open(prefix, new BasicAWSCredentials("stranger", "wrong")),
            "another's bucket" => rgw.Open(prefix, new BasicAWSCredentials(RgwServer.OtherAccessKey, RgwServer.OtherSecretKey)),
            _ => S3Store.At("s3://no-such-bucket", "", rgw.Options, rgw.Key),
        };
        var failed = await Assert.ThrowsAsync<FaultException>(() => store.PutIfAbsent("a", Bytes("1"), default));
        Assert.Equal((FaultKind.Unavailable, Overture.Platform.Faults.Reason.StoreUnavailable), (failed.Kind, failed.Reason));
        Assert.Contains(says, failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadUrl_Object_IsReadWithoutAKeyByItAlone()
    {
        var store = Open();
        await store.PutIfAbsent("userdata/x", Bytes("#cloud-config"), default);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        Assert.Equal("#cloud-config", await http.GetStringAsync(store.ReadUrl("userdata/x", TimeSpan.FromMinutes(15))));
        using var bare = await http.GetAsync(new Uri(rgw.Server.Endpoint, $"/{RgwFixture.Bucket}/{prefix}/userdata/x"));
        Assert.Equal(System.Net.HttpStatusCode.Forbidden, bare.StatusCode);
    }
}
