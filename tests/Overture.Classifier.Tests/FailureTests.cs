using System.Diagnostics;
using Grpc.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;
using Overture.Classifier.Documents;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>What is answered when the store is away, and for unknown nodes.</summary>
[Trait("Category", "integration")]
public sealed class FailureTests
{
    private readonly CertName node = TestIds.New().CertName();

    [Fact]
    public async Task Classify_StoreAway_IsTheLastAnswerMarkedUntilItIsTooOld()
    {
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var host =
            await ClassifierHost.Start(o => o with { Freshness = TimeSpan.FromSeconds(5), StaleFor = TimeSpan.FromMinutes(10) }, clock);
        await host.Launched(node, "classes: [own]\n");
        var good = await host.Classify(node);
        Assert.Null(good.StaleSince);

        host.Faulty.Down = true;
        clock.Advance(TimeSpan.FromMinutes(9));
        var stale = await host.Classify(node);
        Assert.Equal(good.Yaml, stale.Yaml);
        // Not out of the balancer, where it could not be asked.
        Assert.Equal(HealthStatus.Degraded, await host.Health());
        Assert.InRange((clock.GetUtcNow() - stale.StaleSince.ToDateTimeOffset()).TotalMinutes, 8.9, 9.1);

        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal((StatusCode.Unavailable, "STORE_UNAVAILABLE"), await host.Refused(node));

        host.Faulty.Down = false;
        Assert.Null((await host.Classify(node)).StaleSince);
    }

    // Issue 12, 24: a definition of 2 GiB was read into memory. The last good one is served, and the others are listed.
    [Fact]
    public async Task Classify_DefinitionOf2GiB_IsABrokenEditAndCostsNoMemory()
    {
        await using var host = await ClassifierHost.Start();
        var (other, never) = (TestIds.New().CertName(), TestIds.New().CertName());
        await host.Launched(node, "classes: [own]\n");
        await host.Launched(other, "classes: [own]\n");
        await host.Launched(never, "classes: [own]\n");
        var good = await host.Classify(node);
        host.Enlarge(ObjectKeys.Node(node));
        host.Enlarge(ObjectKeys.Node(never));
        const long Most = 64 << 20;
        Assert.InRange(await AllocatedMemory.Least(Most, async () =>
        {
            Assert.Equal(good.Yaml, (await host.Classify(node)).Yaml);
            Assert.Equal((StatusCode.FailedPrecondition, "DEFINITION_INVALID"), await host.Refused(never));
        }), 0, Most);

        var listed = await host.As("viewer").ListNodesAsync(new());
        Assert.Equal([other.ToString()], listed.Nodes.Select(n => n.Certname));
        var refused = await Assert.ThrowsAsync<RpcException>(() => host.As("admin").GetNodeAsync(new() { Certname = node.ToString() })
            .ResponseAsync);
        Assert.Equal(StatusCode.DataLoss, refused.StatusCode);
        Assert.StartsWith($"the object nodes/{node} has 2147483648 bytes, and at most 262144 are read", refused.Status.Detail,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task History_OneEntryDamaged_HidesNoOther()
    {
        await using var host = await ClassifierHost.Start();
        await host.Launched(node, "classes: [own]\n");
        await host.Classify(node);
        await host.Edit(ObjectKeys.History(node, "ffffffff-ffff-7fff-bfff-ffffffffffff"), "{");
        Assert.Single((await host.As("viewer").ListHistoryAsync(new() { Certname = node.ToString() })).Entries);
        await host.Edit(ObjectKeys.Node(node), "classes: [other]\n");
        Assert.Contains("other", (await host.Classify(node)).Yaml, StringComparison.Ordinal);
    }

    // Issue 12, 26: what the operating system says, and where the store lies, is no puppetserver's business.
    [Fact]
    public async Task Classify_StoreFault_HookReadsNoErrnoAnAdministratorDoes()
    {
        await using var host = await ClassifierHost.Start();
        host.Loop(ObjectKeys.Node(node));
        var hook = await Assert.ThrowsAsync<RpcException>(() => host.Classify(node));
        Assert.Equal((StatusCode.Unavailable, "the object store does not answer; nothing is lost, try again"),
            (hook.StatusCode, hook.Status.Detail));
        var admin = await Assert.ThrowsAsync<RpcException>(() => host.As("admin").GetNodeAsync(new() { Certname = node.ToString() })
            .ResponseAsync);
        Assert.Contains("Too many levels of symbolic links", admin.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Classify_StoreAwayAndNodeNotKnown_IsAnError()
    {
        await using var host = await ClassifierHost.Start();
        await host.Launched(node, "classes: [own]\n");
        host.Faulty.Down = true;
        Assert.Equal((StatusCode.Unavailable, "STORE_UNAVAILABLE"), await host.Refused(node));
    }

    [Fact]
    public async Task Classify_StoreSilent_AnswersWithinAHooksTime()
    {
        await using var host = await ClassifierHost.Start();
        await host.Launched(node, "classes: [own]\n");
        await host.Classify(node);
        var never = new TaskCompletionSource();
        host.Faulty.BeforeGet = _ => never.Task;
        var took = new List<TimeSpan>();
        // Three times in time; beside other tests an answer may be late.
        while (took.Count(t => t < TimeSpan.FromSeconds(1.8)) < 3)
        {
            var watch = Stopwatch.StartNew();
            Assert.NotNull((await host.Classify(node)).StaleSince);
            took.Add(watch.Elapsed);
            Assert.True(took.Count < 20, $"took {string.Join(", ", took)}");
        }
        never.SetResult();
        host.Faulty.BeforeGet = null;
        await Eventually.True(async () => (await host.Classify(node)).StaleSince is null, "it is fresh again");
    }

    [Fact]
    public async Task Classify_StaleForNothing_IsAnErrorAtOnce()
    {
        await using var host = await ClassifierHost.Start(o => o with { StaleFor = TimeSpan.Zero });
        await host.Launched(node, "classes: [own]\n");
        await host.Classify(node);
        host.Faulty.Down = true;
        Assert.Equal((StatusCode.Unavailable, "STORE_UNAVAILABLE"), await host.Refused(node));
    }

    [Fact]
    public async Task UnknownNodes_SiteManifest_GetNoClassesAndKnownOnesStillFail()
    {
        await using var host = await ClassifierHost.Start(o => o with { UnknownNodes = "site-manifest" });
        var answer = await host.Classify(node);
        Assert.Equal("---\n\"classes\": {}\n\"parameters\": {}\n", answer.Yaml);
        Assert.Equal("", answer.Environment);

        // One that was launched here and has lost its definition is no unknown one; nor is one that was revoked or terminated.
        var lost = TestIds.New().CertName();
        await host.Launched(lost, "classes: [own]\n");
        await host.Store.Delete(ObjectKeys.Node(lost), default);
        Assert.Equal((StatusCode.NotFound, "NODE_UNKNOWN"), await host.Refused(lost));
        var revoked = TestIds.New().CertName();
        await host.Store.PutIfAbsent(ObjectKeys.Block(revoked, "x"), new Block { Kind = BlockKind.Revoked, At = new() }, default);
        Assert.Equal((StatusCode.FailedPrecondition, "NODE_BLOCKED"), await host.Refused(revoked));
        var ended = TestIds.New().CertName();
        await host.Store.PutIfAbsent(ObjectKeys.Fact(ended, "terminated"), new InstanceFact(), default);
        Assert.Equal((StatusCode.FailedPrecondition, "NODE_BLOCKED"), await host.Refused(ended));
    }

    [Fact]
    public void Options_OutOfRange_AreNamed() => Assert.Equal(
        ["freshness", "staleFor", "unknownNodes"],
        new ClassifierOptions { Freshness = TimeSpan.FromHours(2), StaleFor = TimeSpan.FromDays(2), UnknownNodes = "empty" }.Problems()
            .Select(p => p.Field).Intersect(["freshness", "staleFor", "unknownNodes"]));
}
