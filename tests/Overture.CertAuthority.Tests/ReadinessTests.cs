using Grpc.Core;
using Grpc.Health.V1;
using Overture.CertAuthority.Storage;
using Overture.TestSupport;
using Status = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// When a CertAuthority is ready: store, list of revoked certificates, clock. Redis is an alarm at most; and it is alive whatever is wrong.
/// </summary>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class ReadinessTests(CaFixture house) : IAsyncLifetime
{
    private readonly HurriedClock clock = new();
    private FaultyStore store = null!;
    private RunningCa ca = null!;
    private Health.HealthClient health = null!;
    private Grpc.Net.Client.GrpcChannel channel = null!;

    public async Task InitializeAsync()
    {
        store = new FaultyStore(house.Store);
        ca = await RunningCa.Start(house, house.Options("ready") with { Store = store, Clock = clock });
        channel = house.Pki.Channel(ca.GrpcPort, "viewer");
        health = new Health.HealthClient(channel);
    }

    public async Task DisposeAsync()
    {
        channel.Dispose();
        await ca.DisposeAsync();
    }

    [Fact]
    public async Task Redis_Away_IsReadyAndAnAlarmSaidOnce()
    {
        await using var deaf =
            await RunningCa.Start(house, house.Options("deaf-ready") with { Deaf = true, Registry = new() { Endpoint = "127.0.0.1:9" } });
        using var its = house.Pki.Channel(deaf.GrpcPort, "viewer");
        var asked = (Status: Status.Unknown, Why: "");
        await Eventually.True(async () => (asked = await Ask("", new Health.HealthClient(its))).Why.Length > 0, "it has looked");
        Assert.Equal(Status.Serving, asked.Status);
        Assert.StartsWith(
            "the registry (Redis) at 127.0.0.1:9 does not answer: Connection refused; work goes on", asked.Why, StringComparison.Ordinal);
        Assert.Single(deaf.Options.Log.Lines, l => l.Contains("registry.unavailable", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Crl_NobodyPublishes_IsNotReadyOnceTwoAreDue()
    {
        store.Refused = "ca/crl/";
        clock.Shift = TimeSpan.FromHours(23);
        Assert.Equal((Status.Serving, ""), await Ask(""));
        clock.Shift = TimeSpan.FromHours(25);
        var (status, why) = await Ask("");
        Assert.Equal(Status.NotServing, status);
        Assert.Matches("^the CRL is 1500 minutes old, and a new one is due every 720$", why);
        Assert.Equal((Status.Serving, ""), await Ask("liveness"));
        Assert.Equal(Status.NotServing, (await Ask("overture.certauthority.v1.CertAuthorityService")).Status);

        store.Refused = null;
        await Eventually.True(async () => (await Ask("")).Status == Status.Serving, "a list is published, and it is ready again");
    }

    [Theory]
    [InlineData(0, Status.Serving, "")]
    [InlineData(8, Status.Serving, "this host's clock is 8 s behind the object store's")]
    [InlineData(-61, Status.NotServing, "this host's clock is 61 s ahead of the object store's")]
    public async Task Clock_AnotherThanTheStores_IsAnAlarmThenNotReady(int ahead, Status expected, string said)
    {
        store.Ahead = TimeSpan.FromSeconds(ahead);
        for (var i = 0; i < 3; i++)
        {
            var (status, why) = await Ask("");
            Assert.Equal(expected, status);
            Assert.StartsWith(said, why, StringComparison.Ordinal);
            Assert.Equal(said.Length == 0, why.Length == 0);
        }
        Assert.Equal((Status.Serving, ""), await Ask("liveness"));
        // Said once, not at each probe.
        Assert.Equal(1, ca.Options.Log.Lines.Count(l => l.Contains(" health.", StringComparison.Ordinal)));
    }

    // Issue 12, 9 and 26: a store that is full answers every read.
    [Fact]
    public async Task Store_TakesNoWrites_IsNotReadyAndSaidOnceAtBothEnds()
    {
        store.Refused = "probe/";
        await Eventually.True(async () => (await Ask("")).Status == Status.NotServing, "the next try to write shows it");
        Assert.Equal($"the object store {store.Name} takes no writes: the store of this test refuses", (await Ask("")).Why);
        Assert.Equal((Status.Serving, ""), await Ask("liveness"));
        store.Refused = null;
        await Eventually.True(async () => await Ask("") == (Status.Serving, ""), "it is ready again");
        Assert.Equal(1, ca.Options.Log.Lines.Count(l => l.StartsWith("Error health.writes_failed", StringComparison.Ordinal)));
        Assert.Equal(1, ca.Options.Log.Lines.Count(l => l.StartsWith("Information health.writes_again", StringComparison.Ordinal)));
    }

    // The state directory's disk, by way of a directory that is gone.
    [Fact]
    public async Task StateDirectory_TakesNoWrites_IsNotReadyUntilItDoes()
    {
        var (directory, away) = (ca.Options.StateDirectory, ca.Options.StateDirectory + "-away");
        Directory.Move(directory, away);
        await Eventually.True(async () => (await Ask("")).Status == Status.NotServing, "the next try to write shows it");
        Assert.StartsWith($"{directory} takes no writes: ", (await Ask("")).Why, StringComparison.Ordinal);
        Directory.Move(away, directory);
        await Eventually.True(async () => await Ask("") == (Status.Serving, ""), "it is ready again");
    }

    private Task<(Status Status, string Why)> Ask(string service) => Ask(service, health);

    private static async Task<(Status Status, string Why)> Ask(string service, Health.HealthClient health)
    {
        using var call = health.CheckAsync(new HealthCheckRequest { Service = service });
        var status = (await call).Status;
        return (status, call.GetTrailers().GetValue("overture-why") ?? "");
    }
}
