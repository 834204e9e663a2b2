using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>One moto_server for all of a class.</summary>
public sealed class MotoFixture : IAsyncLifetime
{
    public MotoServer Moto { get; private set; } = null!;

    public S3Options Options => new() { ServiceUrl = Moto.Endpoint.ToString(), Region = MotoServer.Region };

    public AWSCredentials Key => new BasicAWSCredentials(Moto.AccessKey, Moto.SecretKey);

    public S3Store Open(string prefix, AWSCredentials? key = null) => S3Store.At($"s3://{MotoServer.Bucket}/{prefix}", "",
        Options, key ?? Key);

    public async Task InitializeAsync() => Moto = await MotoServer.Start();

    public async Task DisposeAsync() => await Moto.DisposeAsync();
}

/// <summary>S3Store on a server that checks signatures and policies.</summary>
[Trait("Category", "integration")]
public sealed class S3StoreTests(MotoFixture s3) : ObjectStoreSuite, IClassFixture<MotoFixture>, IAsyncLifetime
{
    private readonly string prefix = TestIds.New().Unguessable();
    private readonly List<S3Store> opened = [];

    protected override ObjectStore Open()
    {
        var store = s3.Open(prefix);
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
    public async Task List_SeveralPages_LosesNothing()
    {
        var store = (S3Store)Open();
        store.PageSize = 3;
        var keys = Enumerable.Range(0, 10).Select(i => $"many/{i:D2}").ToList();
        foreach (var key in keys)
            await store.PutIfAbsent(key, Bytes(key), default);
        Assert.Equal(keys, await store.List("many/", null, default).ToListAsync());
        Assert.Equal(keys[4..], await store.List("many/", "many/03", default).ToListAsync());
    }

    [Fact]
    public async Task Deployment_TwoInOneBucket_DoNotMeet()
    {
        using var one = S3Store.At($"s3://{MotoServer.Bucket}/{prefix}", "one", s3.Options, s3.Key);
        using var two = S3Store.At($"s3://{MotoServer.Bucket}/{prefix}", "two", s3.Options, s3.Key);
        Assert.Equal(PutOutcome.Stored, await one.PutIfAbsent("a/x", Bytes("1"), default));
        Assert.Equal(PutOutcome.Stored, await two.PutIfAbsent("a/x", Bytes("2"), default));
        Assert.Equal(["one/a/x", "two/a/x"], (await Open().List("one/", null, default).ToListAsync())
            .Concat(await Open().List("two/", null, default).ToListAsync()));
        Assert.Equal(["a/x"], await one.List("a/", null, default).ToListAsync());
    }

    [Fact]
    public async Task VersionedBucket_DeleteMarker_IsAbsence()
    {
        await s3.Moto.Enforce(false);
        await s3.Moto.MakeBucket("versioned");
        await s3.Moto.Enforce(true);
        using var client = S3Client.Make(s3.Options, s3.Key);
        using var store = S3Store.At("s3://versioned", "", s3.Options, s3.Key);
        Assert.Equal("off", (await store.Settings("a", default)).Versioning);
        await client.PutBucketVersioningAsync(new PutBucketVersioningRequest { BucketName = "versioned",
            VersioningConfig = new S3BucketVersioningConfig { Status = VersionStatus.Enabled } });
        await store.PutIfAbsent("d/x", Bytes("1"), default);
        await store.Delete("d/x", default);
        Assert.Null(await store.Get("d/x", default));
        Assert.False(await store.Any("d/", default));
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent("d/x", Bytes("2"), default));
        Assert.Equal("enabled", (await store.Settings("d/x", default)).Versioning);
        Assert.True((await client.ListVersionsAsync("versioned")).Versions.Count >= 3);
    }

    [Fact]
    public async Task Object_WithoutAKey_Is403AndTheBucketNotPublic()
    {
        var store = Open();
        await store.PutIfAbsent("secret/x", Bytes("1"), default);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var answer = await http.GetAsync(new Uri(s3.Moto.Endpoint, $"/{MotoServer.Bucket}/{prefix}/secret/x"));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.False((await store.Settings("secret/x", default)).Public);

        using var client = S3Client.Make(s3.Options, s3.Key);
        await client.PutObjectAclAsync(new PutObjectAclRequest { BucketName = MotoServer.Bucket, Key = $"{prefix}/secret/x",
            ACL = S3CannedACL.PublicRead });
        await s3.Moto.Enforce(false); // moto answers an anonymous reader only then
        Assert.True((await store.Settings("secret/x", default)).Public);
        await s3.Moto.Enforce(true);
    }

    [Fact]
    public async Task PolicyOfTheDocuments_Suffices()
    {
        var page = await File.ReadAllTextAsync(RepositoryPaths.File("docs/operations.md"));
        var policy = page.Split("```json\n")[1].Split("```")[0].Replace("overture-records", MotoServer.Bucket, StringComparison.Ordinal);
        await s3.Moto.Enforce(false);
        var documented = await s3.Moto.MakeKey("documented", policy);
        var none = await s3.Moto.MakeKey("none", policy.Replace("s3:PutObject", "s3:Other", StringComparison.Ordinal));
        await s3.Moto.Enforce(true);
        using var store = s3.Open(prefix, new BasicAWSCredentials(documented.AccessKey, documented.SecretKey));
        var (promises, settings) = await new StoreProbe(store, TestIds.New()).Check(writers: 8, default);
        Assert.All(promises, p => Assert.True(p.Kept, p.Detail));
        Assert.Equal("off", settings.Versioning);
        await store.PutIfAbsent("ca/requests/x/aa", Bytes("1"), default);
        await store.Delete("ca/requests/x/aa", default);
        // Point 23: what says that something was signed, spent or revoked, no service deletes.
        foreach (var kept in new[] { "ca/claims/x/1", "ca/certs/4f", "ca/revoked/4f", "ca/crl/00000000000000000001", "ca/blocks/x/revoked",
            "audit/certauthority/1/00000000000000000001", "launches/x", "deployment/id" })
        {
            await store.PutIfAbsent(kept, Bytes("1"), default);
            Assert.Contains("AccessDenied", (await Assert.ThrowsAsync<FaultException>(() => store.Delete(kept, default))).Message,
                StringComparison.Ordinal);
        }
        // CertAuthority alone puts lists of the internal PKI.
        var others = page.Split("```json\n")[2].Split("```")[0].Replace("overture-records", MotoServer.Bucket, StringComparison.Ordinal);
        var both = JsonNode.Parse(policy)!;
        foreach (var statement in JsonNode.Parse(others)!["Statement"]!.AsArray())
            both["Statement"]!.AsArray().Add(statement!.DeepClone());
        await s3.Moto.Enforce(false);
        var other = await s3.Moto.MakeKey("other", both.ToJsonString());
        await s3.Moto.Enforce(true);
        using var conductor = s3.Open(prefix, new BasicAWSCredentials(other.AccessKey, other.SecretKey));
        await store.PutIfAbsent("pki/crl/aa/00000000000000000001", Bytes("1"), default);
        Assert.NotNull(await conductor.Get("pki/crl/aa/00000000000000000001", default));
        foreach (var number in new[] { 1, 2 })
        {
            Assert.Contains("AccessDenied", (await Assert.ThrowsAsync<FaultException>(() =>
                conductor.PutIfAbsent($"pki/crl/aa/0000000000000000000{number}", Bytes("2"), default))).Message, StringComparison.Ordinal);
        }
        await conductor.PutIfAbsent("launches/y", Bytes("1"), default);
        using var refused = s3.Open(prefix, new BasicAWSCredentials(none.AccessKey, none.SecretKey));
        Assert.Contains("AccessDenied", (await Assert.ThrowsAsync<FaultException>(() =>
            refused.PutIfAbsent("a", Bytes("1"), default))).Message, StringComparison.Ordinal);
    }

    // Another bucket, and one that was deleted and made again under its name: both answer, and hold nothing.
    [Fact]
    public async Task Point20_AnotherBucket_IsNotReadAndADeletedOneIsUnavailable()
    {
        using var home = new TempDirectory();
        using var client = S3Client.Make(s3.Options, s3.Key);
        await client.PutBucketAsync("replaced");
        using var identity = Identity();
        await identity.StartAsync(default);
        var store = new IdentifiedStore(identity);
        await store.PutIfAbsent("nodes/a", Bytes("x"), default);
        foreach (var key in new[] { "nodes/a", "deployment/id" })
            await client.DeleteObjectAsync("replaced", key);

        await client.DeleteBucketAsync("replaced");
        using (var restarted = Identity())
            Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(() => restarted.StartAsync(default))).Kind);
        await client.PutBucketAsync("replaced");
        using (var restarted = Identity())
        {
            Assert.Contains("has no deployment/id", (await Assert.ThrowsAsync<FaultException>(() => restarted.StartAsync(default))).Message,
                StringComparison.Ordinal);
        }
        Assert.Contains("has no deployment/id", await identity.Wrong(default), StringComparison.Ordinal);
        Assert.Equal(FaultKind.Unavailable,
            (await Assert.ThrowsAsync<FaultException>(() => store.PutIfAbsent("nodes/b", Bytes("x"), default))).Kind);

        StoreIdentity Identity() => new(S3Store.At("s3://replaced", "", s3.Options, s3.Key), home.File("state"), StoreFounding.Free,
            TestIds.New(), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<StoreIdentity>.Instance);
    }

    [Theory]
    [InlineData("wrong key", "refuses us")]
    [InlineData("no bucket", "NoSuchBucket")]
    public async Task Outage_Permanent_IsUnavailableAndNamesTheCause(string what, string says)
    {
        using var store = what == "wrong key"
            ? s3.Open(prefix, new BasicAWSCredentials(s3.Moto.AccessKey, "wrong"))
            : S3Store.At("s3://no-such-bucket", "", s3.Options, s3.Key);
        var failed = await Assert.ThrowsAsync<FaultException>(() => store.PutIfAbsent("a", Bytes("1"), default));
        Assert.Equal((FaultKind.Unavailable, Overture.Platform.Faults.Reason.StoreUnavailable), (failed.Kind, failed.Reason));
        Assert.Contains(says, failed.Message, StringComparison.Ordinal);
        Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(() => store.Get("a", default))).Kind);
        Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(() => store.Any("a/", default))).Kind);
        Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(() => store.Delete("a", default))).Kind);
    }

    [Fact]
    public async Task ReadUrl_Object_IsReadByWhoeverHasIt()
    {
        var store = Open();
        await store.PutIfAbsent("userdata/x", Bytes("#cloud-config"), default);
        var url = store.ReadUrl("userdata/x", TimeSpan.FromMinutes(15))!;
        Assert.Matches("X-Amz-Expires=(899|90[01])(&|$)", url.Query); // the SDK counts from its own clock
        Assert.Contains("X-Amz-Signature=", url.Query, StringComparison.Ordinal);
        Assert.Equal(s3.Moto.Endpoint.Authority, url.Authority);
        await s3.Moto.Enforce(false); // moto knows no presigned URLs while it enforces
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        Assert.Equal("#cloud-config", Encoding.ASCII.GetString(await http.GetByteArrayAsync(url)));
        await s3.Moto.Enforce(true);
        Assert.Throws<ArgumentOutOfRangeException>(() => store.ReadUrl("userdata/x", TimeSpan.FromDays(8)));
    }
}
