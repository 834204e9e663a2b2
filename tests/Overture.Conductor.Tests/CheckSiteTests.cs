using Overture.Conductor.V1;
using Overture.Platform.Registry;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// What the Conductor says of what it needs: nothing is wrong with a healthy site, and each thing that is broken has its line.
/// </summary>
[Trait("Category", "integration")]
public sealed class CheckSiteTests
{
    [Fact]
    public async Task CheckSite_EachPartBroken_HasItsLineUntilItIsMended()
    {
        using var world = new ConductorFixture();
        await using var redis = await RedisServer.Start();
        var provider = new FakeProvider();
        await using var host = await ConductorHost.Start(world, new() { Provider = provider, Redis = redis.Endpoint });
        await Eventually.True(() => host.Get<RegistryConnection>().Healthy, "the registry is connected");

        // 1. healthy, once Redis keeps its changes
        await redis.Cli("config", "set", "appendonly", "yes");
        await Eventually.True(async () => (await Check(host))[0].Status == SiteCheckStatus.Ok, "it keeps its changes");
        var checks = (await Check(host)).Where(c => c.Check != "own certificate").ToList();
        Assert.Equal(["persistence", "puppet CA", "local"], checks.Select(c => c.Check));
        Assert.All(checks, c => Assert.True(c.Status == SiteCheckStatus.Ok, $"{c}"));

        // 2. each part
        await redis.Cli("config", "set", "appendonly", "no");
        await Shows(host, "persistence", SiteCheckStatus.Warning, "keeps no file", "appendonly yes");
        provider.WhyUnfit = "AuthFailure: the cloud refuses the credentials.";
        await Shows(host, "local", SiteCheckStatus.Failed, "takes no launches: AuthFailure", "overture doctor -c FILE");
        await redis.Kill();
        await Eventually.True(() => !host.Get<RegistryConnection>().Healthy, "it is away");
        await Shows(host, "reachable", SiteCheckStatus.Failed, "Redis does not answer", "registry.endpoint");
    }

    [Fact]
    public async Task CheckSite_OwnCertificateThatCantBeRead_IsOneFailedLine()
    {
        using var world = new ConductorFixture();
        var own = world.Data.File("own.pem");
        File.Copy(world.Pki.Files("conductor").Certificate, own);
        await using var host = await ConductorHost.Start(world, new() { Provider = new FakeProvider() }, o => o with
        {
            Tls = o.Tls with { Certificate = own },
        });
        File.Delete(own);
        var checks = await Check(host);
        Assert.Equal(SiteCheckStatus.Failed, checks.Single(c => c.Check == "own certificate").Status);
        Assert.Equal(SiteCheckStatus.Ok, checks.Single(c => c.Check == "puppet CA").Status);
    }

    [Fact]
    public void Parse_WriteThatFailed_IsNamed()
    {
        var kept = RegistryPersistence.Parse(
            "# Persistence\r\naof_enabled:1\r\naof_last_write_status:err\r\nrdb_last_bgsave_status:ok\r\n");
        Assert.Equal((true, "aof_last_write_status"), (kept.AppendOnly, kept.Broken));
        Assert.Equal((false, ""), (RegistryPersistence.Parse("").AppendOnly, RegistryPersistence.Parse("").Broken));
    }

    private static async Task Shows(ConductorHost host, string check, SiteCheckStatus status, string said, string next)
    {
        var found = (await Check(host)).Single(c => c.Check == check);
        Assert.Equal(status, found.Status);
        Assert.Contains(said, found.Detail, StringComparison.Ordinal);
        Assert.Contains(next, found.Next, StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyList<SiteCheck>> Check(ConductorHost host) => (await host.As("admin").CheckSiteAsync(new())).Checks;
}
