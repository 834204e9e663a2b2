using Amazon.Runtime;
using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// A proxy delivers the writes of a launch to a real bucket after its caller was told to try again (threats T93): one instance, started
/// once.
/// </summary>
[Trait("Category", "integration")]
public sealed class LateWriteTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private MotoServer moto = null!;
    private HoldingProxy proxy = null!;
    private S3Store store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        moto = await MotoServer.Start();
        proxy = await HoldingProxy.Start(moto.Endpoint);
        store = S3Store.At($"s3://{MotoServer.Bucket}", "",
            new S3Options { ServiceUrl = proxy.Endpoint.ToString(), Timeout = TimeSpan.FromSeconds(3) },
            new BasicAWSCredentials(moto.AccessKey, moto.SecretKey));
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store });
    }

    public async Task DisposeAsync()
    {
        if (host is not null)
            await host.DisposeAsync();
        await proxy.DisposeAsync();
        await moto.DisposeAsync();
        world.Dispose();
    }

    [Theory]
    [InlineData("requests/", false), InlineData("requests/", true)]
    [InlineData("nodes/", false), InlineData("nodes/", true)]
    [InlineData("launches/", false), InlineData("launches/", true)]
    public async Task T93_WriteLandsLate_BeforeOrAfterTheLaunchIsRepeated_OneInstance(string prefix, bool before)
    {
        proxy.Holds = (method, path) => method == "PUT" && path.Contains($"/{prefix}", StringComparison.Ordinal);
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => Launch(prefix))).StatusCode);
        Assert.InRange(proxy.Held, 1, 4);
        proxy.Holds = (_, _) => false;
        if (before)
            Assert.Equal(1, (await proxy.Release()).Count(status => status == 200));

        var launched = Assert.Single((await Launch(prefix)).Results);
        Assert.Equal(("", InstanceState.Running), (launched.Reason, launched.Instance.State));
        Assert.All(await proxy.Release(), status => Assert.Equal(412, status));
        Assert.Equal([ObjectKeys.Launch(CertName.Parse(launched.Instance.Certname))],
            await store.List(ObjectKeys.Launches, null, default).ToListAsync());
        Assert.Equal(1, Assert.Single(provider.Starts).Value);
        Assert.Equal(launched.Instance.Certname, Assert.Single((await Launch(prefix)).Results).Instance.Certname);
        Assert.Equal(1, Assert.Single(provider.Starts).Value);
    }

    private Task<LaunchInstancesResponse> Launch(string prefix) => host.As("admin").LaunchInstancesAsync(new LaunchInstancesRequest
    {
        Spec = ConductorFixture.Spec(_ => { }),
        Count = 1,
        RequestId = $"late-{prefix.Trim('/')}",
    }).ResponseAsync;
}
