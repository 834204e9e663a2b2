using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.Reconcile;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What clouds, CertAuthority, Classifier and agents do later is seen by a running Conductor, and seen to be over.</summary>
[Trait("Category", "integration")]
public sealed class ConditionFlowTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly QuickTurnsClock clock = new();
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;
    private ObjectStore store = null!;
    private RedisServer redis = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        cloud = await Ec2Double.Start();
        provider = Ec2ProviderTests.Open(cloud.Url, "aws");
        store = world.OpenStore();
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = clock, Redis = redis.Endpoint });
        await Eventually.True(() => host.Get<RegistryConnection>().Healthy, "the registry is connected");
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        provider.Dispose();
        await cloud.DisposeAsync();
        await redis.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task StoppedAtTheCloud_IsGone_AndComesBackWhenItIsStarted()
    {
        var name = await Converged();
        cloud.Stop(name.ToString());
        clock.Shift += provider.LookEvery;
        await Shows(name, "Gone STOPPED");
        Assert.Equal(InstanceState.Converged, (await Get(name)).State);
        cloud.StartAgain(name.ToString());
        clock.Shift += provider.LookEvery;
        await Shows(name, "");
    }

    [Fact]
    public async Task EndedAtTheCloud_IsGone_AndTheNextComparisonBeginsItsEnd()
    {
        var (name, other) = (await Converged(), await Converged());
        cloud.Kill(name.ToString());
        clock.Shift += provider.LookEvery;
        await Shows(name, "Gone TERMINATED");
        // Long before a cloud's list is believed where it says nothing.
        var findings = (await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default)).Findings;
        Assert.Equal((name.ToString(), "", true), Assert.Single(findings.Select(f => (f.Certname, f.HeldBack, f.Done))));
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, InstanceEvents.Terminating), default));
        Assert.Equal("", Conditions(await Get(other)));
    }

    // The image has no cloud-init, and its console is all that says so.
    [Fact]
    public async Task StalledWithAConsoleThatShowsWhy_TheConditionSaysIt()
    {
        cloud.Console = "Debian GNU/Linux 13 localhost ttyS0\r\n\r\nlocalhost login: ";
        var name = CertName.Parse((await host.As("admin").LaunchInstancesAsync(new() { Spec = Ec2ProviderTests.Spec() })).Results.Single()
            .Instance.Certname);
        await Eventually.True(async () => (await Get(name)).State == InstanceState.Running, "it runs");
        clock.Shift += TimeSpan.FromMinutes(31);
        await Eventually.True(async () => (await Get(name)).Conditions.Any(c => c.Type == ConditionType.Stalled
            && c.Message.Contains("no line from cloud-init", StringComparison.Ordinal)
            && c.Next.Contains("use an image with cloud-init", StringComparison.Ordinal)), "the condition says why");
    }

    [Fact]
    public async Task NoLongerListed_IsMissing_AndIsNotEndedAtOnce()
    {
        var name = await Converged();
        clock.Shift = TimeSpan.FromMinutes(11);
        cloud.Forget(name.ToString());
        // Not at the first look.
        await Eventually.True(async () =>
        {
            clock.Shift += provider.LookEvery;
            return Conditions(await Get(name)) == "Gone MISSING";
        }, "it is missing");
        var finding = Assert.Single((await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default)).Findings);
        Assert.StartsWith("missing in 1 of 3", finding.HeldBack, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatCertAuthorityWrote_IsSeenWithoutAMessage()
    {
        var (contested, revoked) = (await Converged(), await Converged());
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        await store.PutIfAbsent(ObjectKeys.Block(contested, "contested"), new Block
        {
            Schema = 1, Certname = contested.ToString(), Id = "contested", Kind = BlockKind.Contested, Sentence = "two keys", At = now,
        }, default);
        var serial = (await Get(revoked)).Serial;
        await store.PutIfAbsent(ObjectKeys.Revocation(serial),
            new Revocation { Schema = 1, Serial = serial, Certname = revoked.ToString(), Sentence = "keyCompromise", At = now }, default);
        // Only the sweep can find these: nothing was said on the feed.
        await ListedInTime(contested, "Contested TOKEN_CONFLICT");
        await ListedInTime(revoked, "Revoked REVOKED");
        Assert.Equal((2, 0), (Summary().Total, Summary().Healthy));
    }

    [Fact]
    public async Task CertificateIsRenewed_TheNewOneCounts()
    {
        var name = await Converged();
        var first = (await Get(name)).Serial;
        var later = TimeProvider.System.GetUtcNow().AddMinutes(1).ToTimestamp();
        await store.PutIfAbsent(ObjectKeys.Claim(name, $"renew-{first}"),
            new Claim { Schema = 1, Certname = name.ToString(), Claim_ = $"renew-{first}", Serial = "07ff", ClaimedAt = later,
                NotAfter = TimeProvider.System.GetUtcNow().AddDays(20).ToTimestamp() }, default);
        await store.PutIfAbsent(ObjectKeys.Revocation(first),
            new Revocation { Schema = 1, Serial = first, Certname = name.ToString(), Sentence = "superseded", At = later }, default);
        Assert.Equal(("07ff", "Expiring CERTIFICATE"), ((await Get(name)).Serial, Conditions(await Get(name))));
    }

    [Fact]
    public async Task Definition_MissingOrBroken_IsShownUntilItIsMended()
    {
        var name = await Converged();
        var definition = (await store.Get(ObjectKeys.Node(name), default))!;
        // What Classifier says of this very version
        await host.Get<BrokenDefinitions>().Save(new(name, definition.ETag, "line 3 is no YAML", TimeProvider.System.GetUtcNow()));
        // Explain looks when it is asked; a list waits for the next scan.
        var explained = await host.As("viewer").ExplainInstanceAsync(new() { Certname = $"{name}" });
        Assert.Equal("DEFINITION_INVALID", explained.Causes[0].Reason);
        await ListedInTime(name, "DefinitionBroken DEFINITION_INVALID");
        // another version: no longer of use
        await store.PutIfMatch(ObjectKeys.Node(name), "classes: {}\n"u8.ToArray(), definition.ETag, default);
        await ListedInTime(name, "");
        await store.Delete(ObjectKeys.Node(name), default);
        await ListedInTime(name, "Unclassified DEFINITION_MISSING");
        await store.PutIfAbsent(ObjectKeys.Node(name), "classes: {}\n"u8.ToArray(), default);
        await ListedInTime(name, "");
    }

    [Fact]
    public async Task Reports_Stop_IsSilentUntilTheNext()
    {
        var (name, other) = (await Converged(), await Converged());
        var runs = host.Get<LastRuns>();
        await runs.Save(new(name, clock.GetUtcNow(), RunResult.Good, ""));
        await Eventually.True(() => host.Get<InstanceRows>().Find(name)!.LastRun?.At is not null, "the report is seen");
        // What another Conductor took.
        await runs.Save(new(other, clock.GetUtcNow(), RunResult.Failed, "no class"));
        await Listed(other, "RunFailed RUN_FAILED");
        clock.Shift += TimeSpan.FromMinutes(89);
        await runs.Save(new(other, clock.GetUtcNow(), RunResult.Good, ""));
        await Listed(other, "");
        Assert.Equal("", Conditions(await Get(name)));
        clock.Shift += TimeSpan.FromMinutes(2);
        await Listed(name, "Silent NO_REPORT");
        Assert.Equal("", Conditions(await Get(other)));
        await runs.Save(new(name, clock.GetUtcNow(), RunResult.Good, ""));
        await Listed(name, "");
    }

    [Fact]
    public async Task Registry_IsAway_SilencesNoNode()
    {
        var (name, marker) = (await Converged(), await Converged());
        await redis.Kill();
        await Eventually.True(() => !host.Get<RegistryConnection>().Healthy, "it is away");
        clock.Shift += TimeSpan.FromHours(5);
        cloud.Stop(marker.ToString());
        await Listed(marker, "Gone STOPPED"); // workers have had their turns since
        Assert.Equal("", Conditions(await Get(name)));
        await redis.Restart();
        await Eventually.True(async () => host.Get<RegistryConnection>().Healthy && await host.Get<LastRuns>().Since() is not null,
            "it is back, and read");
        cloud.StartAgain(marker.ToString());
        clock.Shift += TimeSpan.FromMinutes(80);
        await Listed(marker, "");
        Assert.Equal("", Conditions(await Get(name)));
        clock.Shift += TimeSpan.FromMinutes(20);
        await Listed(name, "Silent NO_REPORT");
    }

    private SummarizeInstancesResponse Summary() => host.As("viewer").SummarizeInstances(new());

    private async Task Shows(CertName name, string conditions) =>
        await Eventually.True(async () => Conditions(await Get(name)) == conditions, $"{name} shows '{conditions}'");

    // Without GetInstance, which reads its records again.
    private async Task Listed(CertName name, string conditions) => await Eventually.True(async () =>
        Conditions((await host.As("viewer").ListInstancesAsync(new() { Filter = new() { Prefix = name.ToString() } })).Instances.Single())
            == conditions, $"the list says '{conditions}' of {name}");

    // The same, while time passes quickly: scans are half a minute apart, and further where one seems to have taken long.
    private async Task ListedInTime(CertName name, string conditions) => await Eventually.True(async () =>
    {
        clock.Shift += TimeSpan.FromSeconds(5);
        return Conditions((await host.As("viewer").ListInstancesAsync(new() { Filter = new() { Prefix = name.ToString() } }))
            .Instances.Single()) == conditions;
    }, $"the list says '{conditions}' of {name}");

    private static string Conditions(Instance instance) => string.Join(", ", instance.Conditions.Select(c => $"{c.Type} {c.Reason}"));

    private async Task<Instance> Get(CertName name) =>
        (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;

    private async Task<CertName> Converged()
    {
        var launched = (await host.As("admin").LaunchInstancesAsync(new() { Spec = Ec2ProviderTests.Spec() })).Results.Single();
        var name = CertName.Parse(launched.Instance.Certname);
        await Eventually.True(async () => (await Get(name)).State == InstanceState.Running, "it runs");
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        var serial = Convert.ToHexStringLower(Guid.Parse(name.ToString()).ToByteArray());
        await store.PutIfAbsent(ObjectKeys.Certificate(serial),
            new CertificateRecord { Schema = 1, Serial = serial, Certname = name.ToString(), SignedAt = now }, default);
        await store.PutIfAbsent(ObjectKeys.Claim(name, "1"),
            new Claim { Schema = 1, Certname = name.ToString(), Claim_ = "1", Serial = serial, CsrReceivedAt = now, ClaimedAt = now },
            default);
        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
        Assert.Equal(InstanceState.Converged, (await Get(name)).State);
        return name;
    }
}
