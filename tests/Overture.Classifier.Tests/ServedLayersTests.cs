using Grpc.Core;
using Overture.Classifier.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>Layers as they are served: edited through the service and behind its back, broken, and gone.</summary>
[Trait("Category", "integration")]
public sealed class ServedLayersTests : IAsyncLifetime
{
    private const string Layers =
        """
        defaults:
          parameters: { site: none, ntp: a }
        groups:
        - name: shop
          rank: 5
          match: { labels: { team: shop } }
          parameters: { site: shop }
          classes: [shop]
        - name: others
          rank: 5
          match: { labels: { team: other } }
          parameters: { site: other }
        """;

    private readonly CertName node = TestIds.New().CertName();
    private ClassifierHost host = null!;

    public async Task InitializeAsync() => host = await ClassifierHost.Start();

    public Task DisposeAsync() => host.DisposeAsync().AsTask();

    [Fact]
    public async Task Classify_AllLayers_EachValueFromTheHighestThatHasIt()
    {
        await PutLayers(Layers);
        await host.Edit(ObjectKeys.Profile("web"), "image: host\nnode:\n  classes: {nginx: {workers: 2}}\n  environment: staging\n");
        await host.Launched(node, "\"profile\": \"web\"\nclasses: {nginx: {workers: 4}}\nparameters: {ntp: b}\n", "web", ("team", "shop"));

        var answer = await host.Classify(node);
        Assert.Equal("---\n\"classes\":\n  \"nginx\":\n    \"workers\": 4\n  \"shop\": null\n\"parameters\":\n  \"ntp\": \"b\"\n  \"site\": \"shop\"\n\"environment\": \"staging\"\n", answer.Yaml);
        Assert.Equal(
            [("classes.nginx.workers", "node"), ("classes.shop", "group shop"), ("environment", "profile web"), ("parameters.ntp", "node"), ("parameters.site", "group shop")],
            answer.Sources.Select(s => (s.Path, s.Layer)));

        var explained = await host.As("viewer").ExplainNodeAsync(new ExplainNodeRequest { Certname = node.ToString() });
        Assert.Equal(["defaults", "group shop", "profile web", "node"], explained.Layers);
        var site = explained.Values.Single(v => v.Path == "parameters.site");
        Assert.Equal(("shop", "classification/layers", "operator"), (site.Value.StringValue, site.Document, site.Author));
        Assert.Equal(("none", "defaults"), (Assert.Single(site.Shadowed).Value.StringValue, site.Shadowed[0].Layer));
        // Written straight into the bucket: nobody signs for it.
        Assert.Equal("", explained.Values.Single(v => v.Path == "parameters.ntp").Author);
    }

    [Fact]
    public async Task Edit_ProfileInTheBucket_ReachesItsNodes()
    {
        await host.Edit(ObjectKeys.Profile("web"), """{"node": {"classes": {"nginx": {"workers": 2}}, "environment": ""}}""");
        await host.Launched(node, "profile: web\n");
        Assert.Contains("\"workers\": 2", (await host.Classify(node)).Yaml, StringComparison.Ordinal);
        await host.Edit(ObjectKeys.Profile("web"), "node: {classes: {nginx: {workers: 8}}}\n");
        Assert.Contains("\"workers\": 8", (await host.Classify(node)).Yaml, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("broken")]
    public async Task Classify_ProfileThatCantBeRead_IsAnErrorNeverAnEmptyAnswer(string how)
    {
        await host.Launched(node, "profile: web\n");
        if (how == "broken")
            await host.Edit(ObjectKeys.Profile("web"), "node: {classes: [1]}\n");
        Assert.Equal((StatusCode.FailedPrecondition, "DEFINITION_INVALID"), await host.Refused(node));
    }

    [Theory]
    [InlineData("nodes")]
    [InlineData("layers")]
    [InlineData("profile")]
    public async Task Edit_BreaksARule_TheVersionBeforeItIsServedAlsoAfterARestart(string which)
    {
        var key = which switch { "nodes" => ObjectKeys.Node(node), "layers" => ObjectKeys.Layers, _ => ObjectKeys.Profile("web") };
        await PutLayers(Layers);
        await host.Edit(ObjectKeys.Profile("web"), "node: {classes: [nginx]}\n");
        await host.Launched(node, "profile: web\nclasses: [own]\n", "web", ("team", "shop"));
        var good = await host.Classify(node);
        Assert.Equal("", good.Broken);

        await host.Edit(key, which == "layers" ? "groups: [{name: a, rank: high}]\n" : "classes: [nginx\n");
        var after = await host.Classify(node);
        Assert.Equal(good.Yaml, after.Yaml);
        Assert.Contains("not served", after.Broken, StringComparison.Ordinal);

        await host.Restart();
        var restarted = await host.Classify(node);
        Assert.Equal(good.Yaml, restarted.Yaml);
        Assert.NotEqual("", restarted.Broken);

        await host.Edit(key, which switch { "nodes" => "profile: web\nclasses: [mended]\n", "layers" => "defaults: {classes: [mended]}\n", _ => "node: {classes: [mended]}\n" });
        var mended = await host.Classify(node);
        Assert.Contains("\"mended\"", mended.Yaml, StringComparison.Ordinal);
        Assert.Equal("", mended.Broken);
    }

    [Fact]
    public async Task PutLayers_Contradiction_IsRefusedAndNothingChanges()
    {
        await PutLayers(Layers);
        var etag = (await Stored()).Etag;
        var refused = await Assert.ThrowsAsync<RpcException>(() => PutLayers(Layers.Replace("team: other", "tier: other", StringComparison.Ordinal), etag));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Equal("groups.others.parameters.site", RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Single().Field);
        Assert.Equal(Layers, (await Stored()).Document);
    }

    [Fact]
    public async Task PutLayers_AnotherVersion_IsAbortedAndHistoryTellsWho()
    {
        var first = await PutLayers(Layers);
        var second = await PutLayers("defaults: {classes: [a]}\n", first.Etag);
        foreach (var (etag, status) in new[] { (first.Etag, StatusCode.Aborted), ("", StatusCode.AlreadyExists) })
            Assert.Equal(status, (await Assert.ThrowsAsync<RpcException>(() => PutLayers(Layers, etag))).StatusCode);
        var history = (await host.As("viewer").ListHistoryAsync(new ListHistoryRequest { PageSize = 1 }));
        Assert.Equal((second.Etag, "operator", "test"), (history.Entries.Single().Version, history.Entries[0].Author, history.Entries[0].Reason));
        var older = (await host.As("viewer").ListHistoryAsync(new ListHistoryRequest { PageSize = 1, PageToken = history.NextPageToken }));
        Assert.Equal((first.Etag, ""), (older.Entries.Single().Version, older.NextPageToken));
    }

    [Fact]
    public async Task PutLayers_OnlyValidate_WritesNothing()
    {
        await host.As("operator").PutLayersAsync(new PutLayersRequest { Document = Layers, ValidateOnly = true });
        Assert.Equal("", (await Stored()).Etag);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer").PutLayersAsync(new PutLayersRequest { Document = Layers, ValidateOnly = true }))).StatusCode);
    }

    [Fact]
    public async Task Classify_DamagedLaunchRecord_IsAnErrorForNobodyKnowsItsGroups()
    {
        await host.Launched(node, "classes: [own]\n");
        await host.Edit(ObjectKeys.Launch(node), "{ damaged");
        Assert.Equal((StatusCode.FailedPrecondition, "DEFINITION_INVALID"), await host.Refused(node));
    }

    [Fact]
    public async Task History_OfANode_KeepsEachAnswerWithItsLayers()
    {
        await host.Launched(node, "classes: [own]\n");
        await host.Classify(node);
        await host.Classify(node);
        await PutLayers("defaults: {classes: [below]}\n");
        await host.Classify(node);
        var history = await host.As("viewer").ListHistoryAsync(new ListHistoryRequest { Certname = node.ToString() });
        Assert.Equal(["served", "served"], history.Entries.Select(e => e.Kind));
        Assert.Contains("\"below\"", history.Entries[0].Answer, StringComparison.Ordinal);
        Assert.DoesNotContain("\"below\"", history.Entries[1].Answer, StringComparison.Ordinal);
        Assert.All(history.Entries, e => Assert.Equal("classes: [own]\n", e.Document));
    }

    private async Task<V1.Layers> PutLayers(string document, string etag = "") =>
        (await host.As("operator").PutLayersAsync(new PutLayersRequest { Document = document, Etag = etag, Reason = "test" })).Layers;

    private async Task<V1.Layers> Stored() => (await host.As("viewer").GetLayersAsync(new GetLayersRequest())).Layers;
}
