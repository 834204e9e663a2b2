using System.Net;
using System.Security.Cryptography.X509Certificates;
using Amazon.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Issue 12, 10: a name with two addresses, each atomic by itself, over one store that is not.</summary>
public sealed class StoreAddressTests : IAsyncDisposable
{
    private static readonly IPAddress[] Both = [IPAddress.Parse("127.0.0.1"), IPAddress.Parse("127.0.0.2")];
    private readonly List<S3Double> servers = [];

    [Theory]
    [InlineData(Lies.RacesCreates, StoreProbe.OneWinner, "2 of 8 racing creators won")]
    [InlineData(Lies.RacesReplacements, StoreProbe.RefusesStale, "a write against a stale version was taken")]
    public async Task Probe_TwoAtomicFrontEndsOfARacyStore_IsRefusedAndNamesThem(Lies lie, string promise, string says)
    {
        using var store = await Open(lie, Both);
        var refused = await Assert.ThrowsAsync<FaultException>(() => new StoreProbe(store, TestIds.New())
            .Run(rounds: 1, writers: 8, default));
        Assert.Contains($"{promise}: {says} (s3://bucket at 127.0.0.1, s3://bucket at 127.0.0.2)", refused.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Probe_TwoFrontEndsOfAnAtomicStore_Passes()
    {
        using var store = await Open(Lies.None, Both);
        var probe = new StoreProbe(store, TestIds.New());
        await probe.Run(rounds: 2, writers: 8, default);
        var (promises, _) = await probe.Check(writers: 8, default);
        Assert.Contains("(s3://bucket at 127.0.0.1, s3://bucket at 127.0.0.2)", promises[0].Detail, StringComparison.Ordinal);
        Assert.All(servers, s => Assert.Contains(s.Requests, r => r.Method == "PUT"));
    }

    // The connection is pinned to an address, the certificate is the name's: it bears no address.
    [Fact]
    public async Task Point10_TwoFrontEndsByTls_EachIsProbedUnderItsName()
    {
        using var ca = new TestPuppetCa();
        using var certificate = ca.Issue("front-end", "localhost");
        using var store = await OpenTls(ca, certificate, certificate);
        var probe = new StoreProbe(store, TestIds.New());
        await probe.Run(rounds: 1, writers: 8, default);
        var (promises, _) = await probe.Check(writers: 8, default);
        Assert.Contains("(s3://bucket at 127.0.0.1, s3://bucket at 127.0.0.2)", promises[0].Detail, StringComparison.Ordinal);
        Assert.All(servers, s => Assert.Contains(s.Requests, r => r.Method == "PUT"
            && r.Headers["host"].StartsWith("localhost:", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("other.example.org"), InlineData("127.0.0.2"), InlineData("localhost, of another CA")]
    public async Task Point10_FrontEndByTlsWithAnotherCertificateThanTheNames_IsRefusedAndGetsNoRequest(string whose)
    {
        using var ca = new TestPuppetCa();
        using var stranger = new TestPuppetCa();
        using var good = ca.Issue("front-end", "localhost");
        using var bad = whose.Contains("another CA", StringComparison.Ordinal)
            ? stranger.Issue("front-end", "localhost") : ca.Issue(whose, whose);
        using var store = await OpenTls(ca, good, bad);
        var refused = await Assert.ThrowsAsync<FaultException>(() => new StoreProbe(store, TestIds.New())
            .Run(rounds: 1, writers: 8, default));
        Assert.Contains("s3://bucket at 127.0.0.2", refused.Message, StringComparison.Ordinal);
        Assert.Contains("no TLS connection is made: The remote certificate ", refused.Message, StringComparison.Ordinal);
        Assert.NotEmpty(servers[0].Requests);
        Assert.Empty(servers[1].Requests);
    }

    // More than are probed together; "127.0.0.9" is the last in order.
    [Fact]
    public async Task Probe_NinthAddressCreatesTwice_IsRefusedAndNamesIt()
    {
        var nine = Enumerable.Range(1, 9).Select(i => IPAddress.Parse($"127.0.0.{i}")).ToArray();
        servers.Add(await S3Double.Start());
        foreach (var address in nine[1..])
            servers.Add(await S3Double.Start(beside: servers[0], address: $"{address}"));
        using var store = At(new S3Options { ServiceUrl = $"http://localhost:{new Uri(servers[0].Endpoint).Port}" }, nine);
        var probe = new StoreProbe(store, TestIds.New());
        var seen = await probe.Check(writers: 4, default);
        Assert.Null(probe.Broken(seen.Promises, seen.Settings));
        Assert.Equal(nine.Select(a => $"{a}"), seen.Addresses);

        servers[8].Lies = Lies.IgnoresIfNoneMatch;
        seen = await probe.Check(writers: 4, default);
        Assert.Contains("s3://bucket at 127.0.0.9", probe.Broken(seen.Promises, seen.Settings), StringComparison.Ordinal);
        Assert.Equal(8, (await S3Addresses.Of(new Uri(servers[0].Endpoint), (_, _) => Task.FromResult(nine), S3Addresses.MostOfAws,
            default)).Count);
    }

    // Services open their store by its identity: the probe must not close the one client behind it.
    [Fact]
    public async Task Probe_ThroughTheIdentityOfAStoreWithOneAddress_LeavesItOpen()
    {
        using var state = new TempDirectory();
        var store = await Open(Lies.None, [Both[0]]);
        using var identity = new StoreIdentity(store, state.Path, StoreFounding.Free, TestIds.New(), TimeProvider.System,
            NullLogger<StoreIdentity>.Instance);
        var identified = new IdentifiedStore(identity);
        await new StoreProbe(identified, TestIds.New()).Run(rounds: 1, writers: 4, default);
        Assert.NotNull(await identified.Get(ObjectKeys.StoreId, default));
    }

    [Fact]
    public async Task Doors_AddressThatTakesNoConnectionAndManyAddresses_AreBounded()
    {
        using var one = await Open(Lies.None, [Both[0], IPAddress.Parse("127.0.0.9")]);
        var door = Assert.Single(await one.Doors(default));
        Assert.Equal((one.Name, "127.0.0.1"), (door.Name, door.Address));
        Assert.Equal(["127.0.0.1"], await one.Addresses(default));

        var asked = 0;
        var many = Enumerable.Range(1, 40).Select(i => IPAddress.Parse($"127.0.0.{i}")).ToArray();
        Assert.Empty(await S3Addresses.Of(new Uri($"http://localhost:{FreePort.Next()}"),
            (_, _) => Task.FromResult(++asked == 1 ? many : []), S3Addresses.MostOfAws, default));
        Assert.Equal(1, asked);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in servers)
            await server.DisposeAsync();
    }

    private async Task<S3Store> Open(Lies lie, IPAddress[] addresses)
    {
        servers.Add(await S3Double.Start(lie));
        servers.Add(await S3Double.Start(lie, servers[0], "127.0.0.2"));
        return At(new S3Options { ServiceUrl = $"http://localhost:{new Uri(servers[0].Endpoint).Port}" }, addresses);
    }

    private async Task<S3Store> OpenTls(TestPuppetCa ca, X509Certificate2 first, X509Certificate2 second)
    {
        servers.Add(await S3Double.Start(certificate: first));
        servers.Add(await S3Double.Start(beside: servers[0], address: "127.0.0.2", certificate: second));
        return At(new S3Options { ServiceUrl = $"https://localhost:{new Uri(servers[0].Endpoint).Port}", TlsRoots = ca.BundleFile }, Both);
    }

    private static S3Store At(S3Options options, IPAddress[] addresses)
    {
        var store = S3Store.At("s3://bucket", "", options, new BasicAWSCredentials("key", "secret"));
        store.Resolve = (host, _) => Task.FromResult(host == "localhost" ? addresses : throw new InvalidOperationException(host));
        return store;
    }
}
