using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;
using Overture.Cli.Pki;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;
using Timeline = Overture.Platform.Registry.Timeline;

namespace Overture.Platform.Tests;

/// <summary>
/// The users that `overture registry init` makes, on a real redis-server: what each may do, and what is said where it may not.
/// </summary>
[Trait("Category", "integration")]
public sealed class RegistryUsersTests : IAsyncLifetime
{
    private static readonly CertName Name = CertName.Parse("3f0c2a4e-8d1b-4c5a-9e7f-0123456789ab");
    private static readonly RegistryKeys Keys = new("t");
    private readonly LoggedLines<RegistryConnection> log = new();
    private readonly TempDirectory home = new();
    private readonly List<RegistryConnection> connections = [];
    private RedisServer redis = null!;
    private RegistryOptions options = new();

    public async Task InitializeAsync()
    {
        new RegistryUsers(home.Path).Init("t");
        redis = await RedisServer.Start(await File.ReadAllTextAsync(home.File("redis/users.conf")));
    }

    public async Task DisposeAsync()
    {
        foreach (var connection in connections)
        {
            await connection.StopAsync(default);
            connection.Dispose();
        }
        await redis.DisposeAsync();
        home.Dispose();
    }

    [Theory]
    [InlineData("conductor")]
    [InlineData("certauthority")]
    [InlineData("classifier")]
    public async Task User_OfAService_DoesAllThatTheServiceDoes(string service)
    {
        var connection = await Healthy(service);
        var feed = new ChangeFeed(connection, Keys, TimeProvider.System, NullLogger<ChangeFeed>.Instance);
        var (heard, tries) = (0, 0);
        feed.Changed += (_, _) => Interlocked.Increment(ref heard);
        await feed.StartAsync(default);
        var timeline = new Timeline(connection, Keys, TimeProvider.System, NullLogger<Timeline>.Instance);
        await Eventually.True(async () =>
        {
            timeline.Add(service, Name, $"line-{tries++}", "detail");
            timeline.Announce(Name, "news");
            return Volatile.Read(ref heard) > 0;
        }, "lines are written and heard of");
        await feed.StopAsync(default);
        Assert.NotEqual("0", await redis.Cli("hlen", Keys.Timeline(Name)));
        if (service == "conductor")
            await WorkOfTheConductor(connection, timeline);
        Assert.Equal("", await redis.Cli("acl", "log"));
    }

    [Theory]
    [InlineData("certauthority", "get t:instance:x")]
    [InlineData("certauthority", "set t:instance:x v")]
    [InlineData("certauthority", "zadd t:instances 1 m")]
    [InlineData("classifier", "set t:lease:reconcile v")]
    [InlineData("classifier", "del t:changes")]
    [InlineData("conductor", "set elsewhere v")]
    [InlineData("conductor", "hsetnx other:timeline:x k v")]
    [InlineData("conductor", "config get requirepass")]
    [InlineData("conductor", "keys *")]
    [InlineData("conductor", "flushall")]
    [InlineData("conductor", "acl list")]
    [InlineData("conductor", "client list")]
    [InlineData("conductor", "publish t:changes v")]
    public async Task User_OfAService_IsRefusedAllElse(string service, string line)
    {
        var command = line.Replace("t:", "overture:t:", StringComparison.Ordinal).Replace("other:", "overture:", StringComparison.Ordinal);
        var said = await redis.Cli(["--user", service, "--pass", Password(service), "--no-auth-warning", .. command.Split(' ')]);
        Assert.StartsWith("NOPERM", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_OfKeysThatAnotherServiceOwns_IsRefusedAndSaysSo()
    {
        var index = new InstanceIndex(await Healthy("classifier"), Keys);
        var fault = await Assert.ThrowsAsync<FaultException>(() => index.Save([new IndexEntry(Name, "{}", DateTimeOffset.UnixEpoch)]));
        Assert.Contains("lacks rights for us: user classifier gets: NOPERM", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-hsetnx", "user conductor may not hsetnx overture:t:timeline:*;")]
    [InlineData("resetkeys ~overture:t:probe ~overture:t:timeline:* ~overture:t:instance* ~overture:t:lease:*",
        "user conductor may not xadd overture:t:changes, xrevrange overture:t:changes, xread overture:t:changes, ")]
    [InlineData("-evalsha", "user conductor gets: NOPERM")]
    [InlineData("-setrange", "user conductor may not setrange overture:t:probe;")]
    public async Task User_WithoutARight_IsSaidOnceWithTheNextStepWhichHelps(string rules, string said)
    {
        var connection = await Healthy("conductor");
        await redis.Cli(["acl", "setuser", "conductor", .. rules.Split(' ')]);
        await Eventually.True(() => connection.State.Status == RegistryStatus.LacksRights, "it is seen");
        var health = await new RegistryHealth(connection, options).CheckHealthAsync(new HealthCheckContext());
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains(said, health.Description, StringComparison.Ordinal);
        var step = health.Description!.Split("; next step: ")[1].Split(';')[0];
        Assert.Contains($"lacks rights for us: {said}", Assert.Single(log.Of("registry.unavailable")), StringComparison.Ordinal);
        Assert.Contains(step, log.Of("registry.unavailable")[0], StringComparison.Ordinal);

        await redis.Cli(step.Split(' '));
        await Eventually.True(() => connection.Healthy, "the next step helps");
        Assert.Single(log.Of("registry.unavailable"));
    }

    [Fact]
    public async Task User_ThatTheServerDoesNotKnow_IsSaid()
    {
        var connection = await Healthy("conductor");
        await redis.Cli("acl", "setuser", "default", ">of-the-default-user");
        await redis.Cli("--pass", "of-the-default-user", "--no-auth-warning", "acl", "deluser", "conductor");
        await Eventually.True(
            () => connection.State.Cause.Contains("refuses our user or password (registry.user", StringComparison.Ordinal),
            "it is said");
        Assert.DoesNotContain(log.Said, l => l.Contains(Password("conductor"), StringComparison.Ordinal));
    }

    [Fact]
    public void Init_Again_KeepsPasswordsAndWritesNothing()
    {
        var before = Password("classifier");
        Assert.Empty(new RegistryUsers(home.Path).Init("t"));
        Assert.Equal([home.File("redis/users.conf")], new RegistryUsers(home.Path).Init(""));
        Assert.Equal(before, Password("classifier"));
        Assert.DoesNotContain(before, File.ReadAllText(home.File("redis/users.conf")), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(home.File("redis/classifier.password")));
    }

    private static async Task WorkOfTheConductor(RegistryConnection connection, Timeline timeline)
    {
        var index = new InstanceIndex(connection, Keys);
        var entry = new IndexEntry(Name, "{}", DateTimeOffset.UnixEpoch);
        await index.Save([entry]);
        await index.Save([entry, entry with { Name = CertName.Parse("4f0c2a4e-8d1b-4c5a-9e7f-0123456789ab") }]);
        Assert.Equal("{}", await index.Find(Name));
        Assert.Equal(2, await index.Count());
        Assert.Equal(2, (await index.Page(null, 10)).Count);
        Assert.NotEmpty(await timeline.Read(Name));
        await timeline.Expire(Name);
        var (one, other) = (new Lease(connection, Keys, TestIds.New()), new Lease(connection, Keys, TestIds.New()));
        Assert.True(await one.TryTake("task", TimeSpan.FromMinutes(1)));
        Assert.True(await one.TryTake("task", TimeSpan.FromMinutes(1)));
        Assert.False(await other.TryTake("task", TimeSpan.FromMinutes(1)));
        await one.Release("task");
        Assert.True(await other.TryTake("task", TimeSpan.FromMinutes(1)));
        var broken = new BrokenDefinitions(connection, Keys);
        Assert.Null(await broken.Find(Name));
        Assert.Empty(await broken.All());
    }

    private string Password(string service) => File.ReadAllText(home.File($"redis/{service}.password")).Trim();

    private async Task<RegistryConnection> Healthy(string service)
    {
        var connection = await Connect(service);
        await Eventually.True(() => connection.Healthy, "the registry is connected");
        return connection;
    }

    private async Task<RegistryConnection> Connect(string service)
    {
        options = new RegistryOptions { Endpoint = redis.Endpoint, User = service, PasswordFile = home.File($"redis/{service}.password") };
        var connection = new RegistryConnection(options, Keys, new RegistryRights(service, "t"), TimeProvider.System, log);
        connections.Add(connection);
        await connection.StartAsync(default);
        return connection;
    }
}
