using Amazon.Runtime;
using Amazon.S3;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A Conductor with its records in Ceph's object gateway, which it was told nothing special about.</summary>
[Trait("Category", "integration")]
public sealed class RgwBucketTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private RgwServer rgw = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        rgw = await RgwServer.Start();
        var key = new BasicAWSCredentials(RgwServer.AccessKey, RgwServer.SecretKey);
        using (var client = new AmazonS3Client(key, new AmazonS3Config { ServiceURL = rgw.Endpoint.ToString(), ForcePathStyle = true }))
            await client.PutBucketAsync("records");
        host = await ConductorHost.Start(world, new()
        {
            Provider = new FakeProvider(),
            Store = S3Store.At("s3://records", "", new S3Options { ServiceUrl = rgw.Endpoint.ToString() }, key),
        });
    }

    public async Task DisposeAsync()
    {
        if (host is not null)
            await host.DisposeAsync();
        if (rgw is not null)
            await rgw.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Rgw_AsTheStore_LaunchesAndReplacesAndSaysHowItCompares()
    {
        var answer = await host.As("operator").CheckBucketAsync(new());
        Assert.All(answer.Promises, p => Assert.True(p.Kept, p.Detail));
        Assert.Equal(("s3://records", false, "off", "bare"), (answer.Bucket, answer.Public, answer.Versioning, answer.EtagForm));
        Assert.Equal(["127.0.0.1"], answer.Addresses);

        var launched = Assert.Single((await host.As("admin").LaunchInstancesAsync(new LaunchInstancesRequest
        {
            Spec = ConductorFixture.Spec(_ => { }),
            Count = 1,
            RequestId = "on-rgw",
        })).Results);
        Assert.Equal(("", InstanceState.Running), (launched.Reason, launched.Instance.State));

        // A replacement by If-Match, and one over a version that is gone.
        var document = (await File.ReadAllTextAsync(RepositoryPaths.File("examples/start_instance.yaml")))
            .Replace("bucket: file:.overture/objects\n", "", StringComparison.Ordinal);
        var first = await host.As("admin").PutProfileAsync(new() { Name = "web", Document = document });
        var second = await host.As("admin").PutProfileAsync(new() { Name = "web", Document = document + "\n# more\n",
            Etag = first.Profile.Etag });
        Assert.NotEqual(first.Profile.Etag, second.Profile.Etag);
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () => await host.As("admin").PutProfileAsync(new() { Name = "web",
            Document = document + "\n# other\n", Etag = first.Profile.Etag }));
        Matrix.Ran("none", "none", "none", "Ceph RGW 18 (Debian 13)", "launch records, If-Match, the probe", nameof(RgwBucketTests));
    }
}
