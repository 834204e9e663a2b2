using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// The step of a termination that deactivates the node in PuppetDB: what is sent, by whom, and what happens without an answer.
/// </summary>
public sealed class DeactivateTests : IDisposable
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private readonly FakeTimeProvider clock = new(TimeProvider.System.GetUtcNow());
    private readonly ObjectStore store;

    public DeactivateTests() => store = world.OpenStore();

    [Fact]
    public async Task Terminate_PuppetDbIsTold_AfterTheDefinitionIsArchivedAndBeforeItIsOver()
    {
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        await using var host =
            await ConductorHost.Start(world, new() { Provider = provider }, o => o with { PuppetDb = Given(puppetDb.Url) });
        var name = await Launch(host);
        var (archived, over) = (false, true);
        puppetDb.Before = async _ =>
            (archived, over) = (await store.Get(ObjectKeys.Node(name), default) is null,
                await store.Get(ObjectKeys.Fact(name, "terminated"), default) is not null);

        var before = TimeProvider.System.GetUtcNow().AddMilliseconds(-1);
        Assert.Equal(InstanceState.Terminated,
            (await host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() })).Instance.State);

        Assert.Equal((true, false), (archived, over));
        var sent = Assert.Single(puppetDb.Commands);
        Assert.Equal(("POST", "/pdb/cmd/v1", "application/json", "conductor.example.com"),
            (sent.Method, sent.Path, sent.ContentType, sent.Peer));
        Assert.Equal(["certname", "command", "producer-timestamp", "version"], sent.Query.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("deactivate_node", "3", name.ToString()), (sent.Query["command"], sent.Query["version"], sent.Query["certname"]));
        var body = JsonDocument.Parse(sent.Body).RootElement;
        Assert.Equal(["certname", "producer_timestamp"], body.EnumerateObject().Select(p => p.Name));
        Assert.Equal((name.ToString(), sent.Query["producer-timestamp"]),
            (body.GetProperty("certname").GetString(), body.GetProperty("producer_timestamp").GetString()));
        Assert.InRange(body.GetProperty("producer_timestamp").GetDateTimeOffset(), before, TimeProvider.System.GetUtcNow());
    }

    [Fact]
    public async Task Terminate_NoCertificateGiven_ShowsTheReportListeners()
    {
        await using var ca = await PuppetCaStandIn.Start(world.Ca);
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        await using var host = await ConductorHost.Start(world, new() { Provider = provider }, o => o with
        {
            Reports = new ReportOptions { Listen = $"127.0.0.1:{FreePort.Next()}", CaPort = ca.Port },
            PuppetDb = new() { Url = puppetDb.Url },
        });
        await Eventually.True(() => host.Get<PuppetHostCertificate>().Current is not null, "the certificate is there");
        var name = await Launch(host);
        await host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() });
        Assert.Equal(ca.Requests.First(), Assert.Single(puppetDb.Commands).Peer);
    }

    [Fact]
    public async Task Advance_PuppetDbAway_WaitsTwoMinutesThenGoesOnAndSaysSo()
    {
        await using var redis = await RedisServer.Start();
        var nobody = $"https://localhost:{FreePort.Next()}";
        await using var host = await ConductorHost.Start(world, new() { Provider = provider, Clock = clock, Redis = redis.Endpoint },
            o => o with { PuppetDb = Given(nobody) });
        var (saga, name) = await Begun(host);

        Assert.Contains($"PuppetDB at {nobody}", await saga.Advance(name, default), StringComparison.Ordinal);
        Assert.Empty(provider.Running);
        clock.Advance(TimeSpan.FromSeconds(119));
        Assert.NotNull(await saga.Advance(name, default));
        Assert.Null(await store.Get(ObjectKeys.Fact(name, "terminated"), default));

        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await saga.Advance(name, default));
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "terminated"), default));
        var line = Assert.Single((await host.As("viewer").GetTimelineAsync(new() { Certname = name.ToString() })).Events,
            e => e.Reason == "PUPPET_DB_UNAVAILABLE");
        Assert.Contains("goes on without PuppetDB", line.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Advance_PuppetDbRefusesThenTakesIt_IsDone()
    {
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        await using var host =
            await ConductorHost.Start(world, new() { Provider = provider, Clock = clock }, o => o with { PuppetDb = Given(puppetDb.Url) });
        var (saga, name) = await Begun(host);
        puppetDb.Status = 403;
        Assert.Contains("it answers 403 (Permission denied)", await saga.Advance(name, default), StringComparison.Ordinal);
        puppetDb.Status = 200;
        // It is left alone for 5 s, for every caller.
        Assert.Contains("it answers 403", await saga.Advance(name, default), StringComparison.Ordinal);
        Assert.Single(puppetDb.Commands);
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Null(await saga.Advance(name, default));
        Assert.Equal(2, puppetDb.Commands.Count);
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "terminated"), default));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Advance_CertificateOfAnotherCa_IsBelievedByNeitherSide(bool servers)
    {
        using var other = new TestPuppetCa();
        await using var puppetDb = await PuppetDbStandIn.Start(servers ? other : world.Ca, servers ? world.Ca : other);
        await using var host =
            await ConductorHost.Start(world, new() { Provider = provider, Clock = clock }, o => o with { PuppetDb = Given(puppetDb.Url) });
        var (saga, name) = await Begun(host);
        Assert.Contains("does not accept the command", await saga.Advance(name, default), StringComparison.Ordinal);
        Assert.Empty(puppetDb.Commands);
    }

    [Fact]
    public async Task Terminate_CallerGoesFirst_HearsWhatItWaitsForAndTheSweepFinishesIt()
    {
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        puppetDb.Status = 503;
        await using var host = await ConductorHost.Start(world, new() { Provider = provider, Clock = new QuickTurnsClock() },
            o => o with { PuppetDb = Given(puppetDb.Url) });
        var name = await Launch(host);
        var refused = await Assert.ThrowsAsync<RpcException>(() => InTime.Terminate(host.As("admin"), name.ToString(), 4));
        Assert.Contains("PuppetDB", refused.Status.Detail, StringComparison.Ordinal);
        puppetDb.Status = 200;
        await Eventually.True(async () => await store.Get(ObjectKeys.Fact(name, "terminated"), default) is not null,
            "the sweep finishes it");
    }

    [Theory]
    [InlineData(404, false, "puppetdb-unknown", "does not know the node")]
    [InlineData(200, true, "puppetdb-deactivated", "was asked to deactivate")]
    [InlineData(403, true, "puppetdb-deactivated", "refuses queries to this certificate")]
    public async Task Advance_NodeThatPuppetDbNeverSaw_MakesNoGhostRow(int query, bool told, string @event, string said)
    {
        await using var redis = await RedisServer.Start();
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        puppetDb.QueryStatus = query;
        await using var host = await ConductorHost.Start(world, new() { Provider = provider, Clock = clock, Redis = redis.Endpoint },
            o => o with { PuppetDb = Given(puppetDb.Url) });
        var (saga, name) = await Begun(host);
        Assert.Null(await saga.Advance(name, default));
        Assert.Equal($"/pdb/query/v4/nodes/{name}", Assert.Single(puppetDb.Queries));
        Assert.Equal(told ? 1 : 0, puppetDb.Commands.Count);
        var line = Assert.Single((await host.As("viewer").GetTimelineAsync(new() { Certname = name.ToString() })).Events,
            e => e.Key.StartsWith("puppetdb-", StringComparison.Ordinal));
        Assert.Equal(@event, line.Key);
        Assert.Contains(said, line.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Advance_ClassifiedNodeThatPuppetDbDoesNotKnowYet_IsAskedAboutForHalfAMinute()
    {
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        puppetDb.QueryStatus = 404;
        await using var host =
            await ConductorHost.Start(world, new() { Provider = provider, Clock = clock }, o => o with { PuppetDb = Given(puppetDb.Url) });
        var (saga, name) = await Begun(host);
        var id = TestIds.New().Ordered();
        await store.PutIfAbsent(ObjectKeys.History(name, id),
            new NodeHistory { Schema = 1, Id = id, Certname = name.ToString(), Kind = "served", Version = "v",
                At = clock.GetUtcNow().ToTimestamp() }, default);
        Assert.Contains("may still be queued", await saga.Advance(name, default), StringComparison.Ordinal);
        puppetDb.QueryStatus = 200;
        Assert.Null(await saga.Advance(name, default));
        Assert.Single(puppetDb.Commands);
    }

    [Fact]
    public async Task Advance_QueryAnsweredByAnError_IsAnOutageAndNothingIsSent()
    {
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        puppetDb.QueryStatus = 500;
        await using var host =
            await ConductorHost.Start(world, new() { Provider = provider, Clock = clock }, o => o with { PuppetDb = Given(puppetDb.Url) });
        var (saga, name) = await Begun(host);
        Assert.Contains("it answers 500", await saga.Advance(name, default), StringComparison.Ordinal);
        Assert.Empty(puppetDb.Commands);
    }

    [Fact]
    public async Task Gone_NodeThatComesBackInPuppetDb_IsReportedOnceAndFoundByGc()
    {
        await using var redis = await RedisServer.Start();
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        await using var host = await ConductorHost.Start(world, new() { Provider = provider, Clock = clock, Redis = redis.Endpoint },
            o => o with { PuppetDb = Given(puppetDb.Url) });
        var (saga, name) = await Begun(host);
        Assert.Null(await saga.Advance(name, default));
        var returned = host.Get<ReturnedNodes>();
        puppetDb.Active[$"{name}"] = true;

        // What was queued before its end may still be worked on.
        Assert.Empty((await returned.Look(default))!);
        clock.Advance(ReturnedNodes.Queue);
        Assert.Equal([name], await returned.Look(default));

        // Two turns, one line.
        clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.Get(async () => Lines(await Timeline(host, name)) is { Count: 1 } said ? said : null, "it is reported");
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Contains($"puppet node deactivate {name}", Assert.Single(Lines(await Timeline(host, name))), StringComparison.Ordinal);
        var found = Assert.Single((await host.As("viewer").ReconcileAsync(new())).Findings, f => f.Kind == FindingKind.ReturnedNode);
        Assert.Equal(($"{name}", false), (found.Certname, found.Done));
        // Nothing is sent: only the end itself deactivated it.
        Assert.Single(puppetDb.Commands);

        // Deactivated by hand, or after a week, it is none of ours any more.
        clock.Advance(ReturnedNodes.Watched);
        Assert.Empty((await returned.Look(default))!);
    }

    [Fact]
    public async Task Gc_PuppetDbRefusesTheQuery_IsSaidAsUnknown()
    {
        await using var puppetDb = await PuppetDbStandIn.Start(world.Ca);
        await using var host = await ConductorHost.Start(world, new() { Provider = provider, Clock = clock },
            o => o with { PuppetDb = Given(puppetDb.Url) });
        var (saga, name) = await Begun(host);
        Assert.Null(await saga.Advance(name, default));
        clock.Advance(ReturnedNodes.Queue);
        puppetDb.QueryStatus = 403;
        Assert.Contains(ReturnedNodes.Refused, (await host.As("viewer").ReconcileAsync(new())).Unknown);
    }

    private static async Task<IEnumerable<TimelineEvent>> Timeline(ConductorHost host, CertName name) =>
        (await host.As("viewer").GetTimelineAsync(new() { Certname = $"{name}" })).Events;

    private static List<string> Lines(IEnumerable<TimelineEvent> events) =>
        [.. events.Where(e => e.Key == "puppetdb-returned").Select(e => e.Detail)];

    public void Dispose() => world.Dispose();

    private PuppetDbOptions Given(string url)
    {
        var (certificate, key) = (world.Data.File("conductor.pem"), world.Data.File("conductor.key"));
        using var own = world.Ca.Issue("conductor.example.com");
        File.WriteAllText(certificate, own.ExportCertificatePem());
        File.WriteAllText(key, own.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        return new() { Url = url, Certificate = certificate, Key = key, Roots = world.Ca.BundleFile };
    }

    // An end that has come as far as PuppetDB; with frozen time no sweep comes between.
    private async Task<(TerminateSaga Saga, CertName Name)> Begun(ConductorHost host)
    {
        var name = await Launch(host);
        var saga = host.Get<TerminateSaga>();
        await saga.Begin(name, "admin", "", default);
        return (saga, name);
    }

    // With CertAuthority's confirmation given before.
    private async Task<CertName> Launch(ConductorHost host)
    {
        var name = CertName.Parse((await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results.Single()
            .Instance.Certname);
        await store.PutIfAbsent(ObjectKeys.Closed(name),
            new Closure { Schema = 1, Certname = name.ToString(), At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);
        return name;
    }
}
