using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;
using Overture.Cli.Pki;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Three real Sentinels over a primary and its replica: writes find the primary that they make, without a restart.</summary>
[Trait("Category", "integration")]
public sealed class RegistrySentinelTests : IAsyncLifetime
{
    private const string Service = "overture-redis", Secret = "the-sentinels-own";
    private static readonly CertName Name = CertName.Parse("3f0c2a4e-8d1b-4c5a-9e7f-0123456789ab");
    private static readonly RegistryKeys Keys = new("");
    private static readonly TimeSpan Failover = TimeSpan.FromSeconds(60);
    private readonly LoggedLines<RegistryConnection> log = new();
    private readonly TempDirectory home = new();
    private readonly List<RedisServer> sentinels = [];
    private RedisServer a = null!, b = null!;
    private RegistryOptions options = new();
    private RegistryConnection? connection;

    public async Task InitializeAsync()
    {
        new RegistryUsers(home.Path).Init("");
        await File.WriteAllTextAsync(home.File("sentinel.password"), Secret);
        var users = await File.ReadAllTextAsync(home.File("redis/users.conf"));
        (a, b) = (await RedisServer.Start(users), await RedisServer.Start(users));
        await b.ReplicaOf(a.Port);
        for (var i = 0; i < 3; i++)
            sentinels.Add(await RedisServer.StartSentinel(Service, a.Port, quorum: 2, Secret));
    }

    public async Task DisposeAsync()
    {
        if (connection is not null)
            await connection.StopAsync(default);
        connection?.Dispose();
        foreach (var server in sentinels.Append(a).Append(b))
            await server.DisposeAsync();
        home.Dispose();
    }

    [Fact]
    public async Task PrimaryDies_HealthSaysWhatHappensAndWritesFindTheReplicaThatIsPromoted()
    {
        foreach (var sentinel in sentinels)
            await Eventually.True(async () => await Knows(sentinel), "each Sentinel knows the others and the replica", Failover);
        await Start(Service);
        await Eventually.True(() => connection!.Healthy, "the primary is found");
        await Save();
        Assert.Equal("1", await a.Cli("exists", Keys.Instance(Name)));

        await a.Kill();
        await Eventually.True(() => connection!.State.Status == RegistryStatus.Away, "it is found to be away");
        var health = await new RegistryHealth(connection!, options).CheckHealthAsync(new HealthCheckContext());
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains($"; the Sentinels name {a.Endpoint} as the primary of {Service}; work goes on", health.Description,
            StringComparison.Ordinal);
        Assert.Contains($"the Sentinels name {a.Endpoint}", Assert.Single(log.Of("registry.unavailable")), StringComparison.Ordinal);
        await Eventually.True(Saved, "writes find the new primary", Failover);
        Assert.Equal("1", await b.Cli("exists", Keys.Instance(Name)));
        await Eventually.True(() => connection!.Healthy, "it is healthy");
        Assert.Contains($"the Sentinels name {b.Endpoint} as the primary of {Service}", log.Of("registry.primary_named")[^1],
            StringComparison.Ordinal);

        // The old primary comes back, as a replica; and then the Sentinels change their minds, without anything dying.
        await a.Restart();
        // In step with the other, or a Sentinel that is to promote it gives up.
        await Eventually.True(async () => (await a.Cli("info", "replication")).Contains("master_link_status:up", StringComparison.Ordinal),
            "it is a replica", Failover);
        Assert.True(await Saved());
        await Eventually.True(async () => await Ask(sentinels[0], "failover", Service) == "OK", "the Sentinels turn round", Failover);
        await Eventually.True(async () => await a.Role() == "master" && await b.Role() == "slave", "the first is the primary", Failover);
        await a.Cli("del", Keys.Instance(Name));
        await Eventually.True(async () => await Saved() && await a.Cli("exists", Keys.Instance(Name)) == "1", "writes find it", Failover);
        await Eventually.True(() => connection!.Healthy, "it is healthy", Failover);
    }

    [Fact]
    public async Task PrimaryUnknownOrNoSentinel_IsSaid()
    {
        await Start("another-name");
        await Eventually.True(() => connection!.State.Cause.Contains(
            "of the Sentinels none knows a primary another-name (registry.sentinel.serviceName)", StringComparison.Ordinal), "it is said");
        foreach (var sentinel in sentinels)
            await sentinel.Kill();
        await Eventually.True(() => connection!.State.Cause.Contains("of the Sentinels none answers", StringComparison.Ordinal),
            "that none is there is said");
        Assert.Single(log.Of("registry.unavailable"));
    }

    [Fact]
    public async Task SentinelsAway_TheKnownPrimaryGoesOn()
    {
        var clock = new FakeTimeProvider();
        await Start(Service, clock);
        await Eventually.True(() => connection!.Healthy, "the primary is found");
        foreach (var sentinel in sentinels)
            await sentinel.Kill();
        var looks = 0;
        await Eventually.True(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return ++looks > 20 && connection!.Healthy;
        }, "it stays healthy while they are asked in vain");
        await Save();
        Assert.Empty(log.Of("registry.unavailable"));
    }

    [Fact]
    public async Task WrongPasswordOfTheSentinels_IsSaid()
    {
        await File.WriteAllTextAsync(home.File("sentinel.password"), "not-it");
        await Start(Service);
        await Eventually.True(() => connection!.State.Cause.Contains("of the Sentinels none answers (it refuses our user or password "
            + "(registry.sentinel.user",
            StringComparison.Ordinal), "it is said");
        Assert.DoesNotContain(log.Said, l => l.Contains("not-it", StringComparison.Ordinal));
    }

    private async Task Start(string name, TimeProvider? clock = null)
    {
        options = new RegistryOptions
        {
            Endpoint = string.Join(", ", sentinels.Select(s => s.Endpoint)),
            User = "conductor",
            PasswordFile = home.File("redis/conductor.password"),
            Sentinel = new RegistrySentinelOptions { ServiceName = name, PasswordFile = home.File("sentinel.password") },
        };
        connection = new RegistryConnection(options, Keys, new RegistryRights("conductor", ""), clock ?? TimeProvider.System,
            log);
        await connection.StartAsync(default);
    }

    private static Task<string> Ask(RedisServer sentinel, params string[] command) =>
        sentinel.Cli(["--pass", Secret, "--no-auth-warning", "sentinel", .. command]);

    private static async Task<bool> Knows(RedisServer sentinel) =>
        (await Ask(sentinel, "ckquorum", Service)).StartsWith("OK 3", StringComparison.Ordinal)
            && (await Ask(sentinel, "replicas", Service)).Contains("name", StringComparison.Ordinal);

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
