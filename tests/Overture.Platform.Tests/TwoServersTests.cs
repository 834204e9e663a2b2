using System.Net;
using Amazon.Runtime;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>A name with two addresses, and what is behind them: real servers.</summary>
[Trait("Category", "integration")]
public sealed class TwoServersTests
{
    private static readonly IPAddress First = IPAddress.Parse("127.0.0.1"), Second = IPAddress.Parse("127.0.0.2");

    // Each of them is atomic by itself, and knows nothing of the other.
    [Fact]
    public async Task Probe_TwoStoresBehindOneName_AreRefusedByTheirAddresses()
    {
        await using var one = await MotoServer.Start();
        await using var two = await MotoServer.Start("127.0.0.2", one.Endpoint.Port);
        await one.Enforce(false);
        await two.Enforce(false); // its key is another
        using var store = Named(one, First, Second);
        var refused = await Assert.ThrowsAsync<FaultException>(() => new StoreProbe(store, TestIds.New())
            .Run(rounds: 1, writers: 8, default));
        Assert.Matches(@"it breaks one-winner: 2 of 8 racing creators won \(s3://\S+ at 127\.0\.0\.1, s3://\S+ at 127\.0\.0\.2\): each "
            + "address keeps its promises with itself alone, or has a store of its own", refused.Message);
    }

    [Fact]
    public async Task Probe_TwoFrontEndsOfOneStore_Passes()
    {
        await using var server = await MotoServer.Start();
        await using var second = new SilentProxy(server.Endpoint.Port, Second, server.Endpoint.Port);
        using var store = Named(server, First, Second);
        await new StoreProbe(store, TestIds.New()).Run(rounds: 3, writers: 8, default);
        Assert.True(second.Accepted > 1);
        Assert.Equal(["127.0.0.1", "127.0.0.2"], await store.Addresses(default));
    }

    private static S3Store Named(MotoServer server, params IPAddress[] addresses)
    {
        var store = S3Store.At($"s3://{MotoServer.Bucket}", "",
            new S3Options { ServiceUrl = $"http://localhost:{server.Endpoint.Port}", Region = MotoServer.Region },
            new BasicAWSCredentials(server.AccessKey, server.SecretKey));
        store.Resolve = (_, _) => Task.FromResult(addresses);
        return store;
    }
}
