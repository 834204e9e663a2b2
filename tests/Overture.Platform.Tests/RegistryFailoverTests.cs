using System.Diagnostics;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>
/// Servers that answer and take no writes, failovers, and silence: what is said of it, and where writes go.
/// </summary>
[Trait("Category", "integration")]
public sealed class RegistryFailoverTests : IAsyncLifetime
{
    private const string Unavailable = "registry.unavailable", Healed = "registry.healed";
    private static readonly CertName Name = CertName.Parse("3f0c2a4e-8d1b-4c5a-9e7f-0123456789ab");
    private static readonly RegistryKeys Keys = new("t");
    private readonly LoggedLines<RegistryConnection> log = new();
    private readonly TempDirectory files = new();
    private RedisServer a = null!, b = null!;
    private RegistryOptions options = new();
    private RegistryConnection? connection;

    public async Task InitializeAsync()
    {
        a = await RedisServer.Start();
        b = await RedisServer.Start();
    }

    public async Task DisposeAsync()
    {
        if (connection is not null)
            await connection.StopAsync(default);
        connection?.Dispose();
        await a.DisposeAsync();
        await b.DisposeAsync();
        files.Dispose();
    }

    [Fact]
    public async Task ReplicaOfADeadPrimary_IsNoHealthyRegistryAndIsSaidOnce()
    {
        await Connect(a.Endpoint);
        await a.ReplicaOf(9);
        await Eventually.True(() => connection!.State.Status == RegistryStatus.ReadOnly, "it is found to be read-only");
        var health = await new RegistryHealth(connection!, options).CheckHealthAsync(new HealthCheckContext());
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains("takes no writes: it is a read-only replica of 127.0.0.1:9", health.Description, StringComparison.Ordinal);
        var fault = await Assert.ThrowsAsync<FaultException>(Save);
        Assert.Equal(Reason.RegistryUnavailable, fault.Reason);
        Assert.Contains("takes no writes", fault.Message, StringComparison.Ordinal);
        Assert.Equal("the registry (Redis) does not answer; nothing is lost, try again", fault.PublicMessage);

        await a.Promote();
        await Eventually.True(() => connection!.Healthy, "it takes writes again");
        await Eventually.True(Saved, "it is written");
        Assert.Equal(HealthStatus.Healthy, (await new RegistryHealth(connection!, options)
            .CheckHealthAsync(new HealthCheckContext())).Status);
        // A look that a busy machine answered too late may stand before it.
        Assert.Single(log.Of(Unavailable), l => l.Contains("read-only replica of 127.0.0.1:9", StringComparison.Ordinal));
        Assert.Single(log.Of(Healed));
        Assert.Single(log.Of("registry.connected"));
    }

    /// <summary>Without TLS anything could answer where a replica points to, and would get the password.</summary>
    [Fact]
    public async Task Failover_WithoutTls_ThePrimaryThatAReplicaNamesIsNotFollowedAndThatIsSaid()
    {
        await Connect(a.Endpoint);
        await a.ReplicaOf(b.Port);
        var said = $"replica of {b.Endpoint} (its link: connected), which is not followed";
        await Eventually.True(() => connection!.State.Cause.Contains(said, StringComparison.Ordinal), "it is said");
        // Longer than the time after which there is a new connection.
        await Task.Delay(TimeSpan.FromSeconds(7));
        Assert.False(connection!.Healthy);
        Assert.False(await Saved());
        await a.Promote();
        await Eventually.True(Saved, "it takes writes again");
        Assert.Equal("0", await b.Cli("exists", Keys.Instance(Name)));
    }

    [Fact]
    public async Task Failover_OldPrimaryComesBackAsAReplica_WritesGoToTheOtherThatIsConfigured()
    {
        await b.ReplicaOf(a.Port);
        await Connect($"{a.Endpoint}, {b.Endpoint}");
        await a.Kill();
        await Eventually.True(() => connection!.State.IsWrong, "it is gone");
        await b.Promote();
        await a.Restart();
        await a.ReplicaOf(b.Port);
        await Eventually.True(() => connection!.Healthy, "the new primary is found");
        // Where it was found before it became a replica, it took one write that is lost.
        await Eventually.True(async () => await Saved() && await b.Cli("exists", Keys.Instance(Name)) == "1", "it is written");
        // And back, without anything dying.
        await a.Promote();
        await b.ReplicaOf(a.Port);
        await Eventually.True(Saved, "the first one is found again");
        Assert.Equal("1", await a.Cli("exists", Keys.Instance(Name)));
    }

    [Fact]
    public async Task Failover_BothConfigured_WritesGoToThePrimary()
    {
        await b.ReplicaOf(a.Port);
        await Connect($"{a.Endpoint}, {b.Endpoint}");
        await a.Kill();
        await b.Promote();
        await Eventually.True(Saved, "the new primary is found");
        Assert.Equal("1", await b.Cli("exists", Keys.Instance(Name)));
        await Eventually.True(() => connection!.Healthy, "it is healthy");
    }

    [Fact]
    public async Task ReadOnly_NameLeadsToAnotherServerByNow_IsConnectedTo()
    {
        await using var name = new SilentProxy(a.Port);
        await Connect($"127.0.0.1:{name.Port}");
        await a.ReplicaOf(9);
        await Eventually.True(() => connection!.State.Status == RegistryStatus.ReadOnly, "it is found to be read-only");
        name.Target = b.Port;
        await Eventually.True(Saved, "the other server is found");
        Assert.Equal("1", await b.Cli("exists", Keys.Instance(Name)));
    }

    [Fact]
    public async Task SilentDrop_CallsEndInTimeAndTheOutageIsSaidOnce()
    {
        await using var network = new SilentProxy(a.Port);
        await Connect($"127.0.0.1:{network.Port}");
        network.Cut();
        var watch = Stopwatch.StartNew();
        await Assert.ThrowsAsync<FaultException>(Save);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"took {watch.Elapsed}");
        await Eventually.True(() => connection!.State.Status == RegistryStatus.Away, "it is found to be away");
        network.Heal();
        await Eventually.True(() => connection!.Healthy, "it is back");
        Assert.Contains("does not answer: no answer within 1000 ms", Assert.Single(log.Of(Unavailable)), StringComparison.Ordinal);
        Assert.Single(log.Of(Healed));
        Assert.Single(log.Of("registry.connected"));
    }

    [Theory]
    [InlineData("maxmemory", "1", "0", "OOM")]
    [InlineData("min-replicas-to-write", "1", "0", "NOREPLICAS")]
    public async Task Refusing_ForAnotherReason_IsSaidAndHeals(string setting, string bad, string good, string cause)
    {
        await Connect(a.Endpoint);
        await a.Cli("config", "set", setting, bad);
        await Eventually.True(() => connection!.State is { Status: RegistryStatus.Refusing } s
            && s.Cause.StartsWith(cause, StringComparison.Ordinal), "it refuses");
        await a.Cli("config", "set", setting, good);
        await Eventually.True(() => connection!.Healthy, "it takes writes again");
        Assert.Equal("", await a.Cli("keys", "*"));
    }

    [Fact]
    public async Task Password_WrongThenChangedInItsFile_IsSaidAndHealsWithoutARestart()
    {
        await File.WriteAllTextAsync(files.File("password"), "old-secret-of-ours\n");
        await a.Cli("config", "set", "requirepass", "new-secret-of-ours");
        options = new RegistryOptions { Endpoint = a.Endpoint, PasswordFile = files.File("password") };
        await Start();
        const string Said = "it refuses our user or password (registry.user, registry.passwordFile)";
        await Eventually.True(
            () => log.Of(Unavailable).Any(l => l.Contains(Said, StringComparison.Ordinal)), "it is refused, and why is said");
        await File.WriteAllTextAsync(files.File("password"), "new-secret-of-ours\n");
        await Eventually.True(() => connection!.Healthy, "the new one is taken");
        Assert.DoesNotContain(log.Said, l => l.Contains("secret-of-ours", StringComparison.Ordinal));
    }

    private async Task Connect(string endpoint)
    {
        options = new RegistryOptions { Endpoint = endpoint };
        await Start();
        await Eventually.True(() => connection!.Healthy, "the registry is connected");
    }

    private async Task Start()
    {
        connection = new RegistryConnection(options, Keys, new RegistryRights("conductor", "t"), TimeProvider.System, log);
        await connection.StartAsync(default);
    }

    private Task Save() => new InstanceIndex(connection!, Keys).Save([new IndexEntry(Name, "{}", DateTimeOffset.UnixEpoch)]);

    private async Task<bool> Saved()
    {
        try
        {
            await Save();
            return true;
        }
        catch (FaultException)
        {
            return false;
        }
    }
}
