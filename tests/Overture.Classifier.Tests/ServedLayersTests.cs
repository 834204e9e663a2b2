using Grpc.Core;
using Overture.Classifier.Documents;
using Overture.Classifier.Edits;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
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
        Assert.Equal("---\n\"classes\":\n  \"nginx\":\n    \"workers\": 4\n  \"shop\": null\n\"parameters\":\n  \"ntp\": \"b\"\n  "
            + "\"site\": \"shop\"\n\"environment\": \"staging\"\n", answer.Yaml);
        Assert.Equal(
            [("classes.nginx.workers", "node"), ("classes.shop", "group shop"), ("environment", "profile web"), ("parameters.ntp", "node"),
                ("parameters.site", "group shop")],
            answer.Sources.Select(s => (s.Path, s.Layer)));

        var explained = await host.As("viewer").ExplainNodeAsync(new ExplainNodeRequest { Certname = node.ToString() });
        Assert.Equal(["defaults", "group shop", "profile web", "node"], explained.Layers);
        var site = explained.Values.Single(v => v.Path == "parameters.site");
        Assert.Equal(("shop", "classification/layers", "operator"), (site.Value.StringValue, site.Document, site.Author));
        Assert.Equal(("none", "defaults"), (Assert.Single(site.Shadowed).Value.StringValue, site.Shadowed[0].Layer));
        // Written straight into the bucket: without an author.
        Assert.Equal("", explained.Values.Single(v => v.Path == "parameters.ntp").Author);
    }

    [Fact]
    public async Task Classify_LaunchThatCameAfterTheFirstAnswer_CountsItsLabels()
    {
        await PutLayers(Layers);
        await host.Edit(ObjectKeys.Node(node), "classes: [own]\n");
        Assert.Contains("\"site\": \"none\"", (await host.Classify(node)).Yaml, StringComparison.Ordinal);
        await host.Launched(node, "classes: [own]\n", "", ("team", "shop"));
        Assert.Contains("\"site\": \"shop\"", (await host.Classify(node)).Yaml, StringComparison.Ordinal);
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

        await host.Edit(key,
            which switch { "nodes" => "profile: web\nclasses: [mended]\n", "layers" => "defaults: {classes: [mended]}\n",
                _ => "node: {classes: [mended]}\n" });
        var mended = await host.Classify(node);
        Assert.Contains("\"mended\"", mended.Yaml, StringComparison.Ordinal);
        Assert.Equal("", mended.Broken);
    }

    [Theory]
    [InlineData("nodes")]
    [InlineData("layers")]
    [InlineData("profile")]
    public async Task Edit_InLatin1_IsNotServedAndNamedByItsLine(string which)
    {
        var key = which switch { "nodes" => ObjectKeys.Node(node), "layers" => ObjectKeys.Layers, _ => ObjectKeys.Profile("web") };
        await PutLayers(Layers);
        await host.Edit(ObjectKeys.Profile("web"), "node: {classes: [nginx]}\n");
        await host.Launched(node, "profile: web\nclasses: [own]\n", "web", ("team", "shop"));
        var good = await host.Classify(node);
        await host.Edit(key, [.. "# a comment\nclasses: [own] # K"u8, 0xF8, .. "benhavn\n"u8]);
        var after = await host.Classify(node);
        Assert.Equal(good.Yaml, after.Yaml);
        Assert.Contains("is not UTF-8 (0xF8)", after.Broken, StringComparison.Ordinal);
        Assert.Contains("(line 2, byte 19)", after.Broken, StringComparison.Ordinal);
        // Who reads it gets no U+FFFD to save over it, and the version to put a whole one in its place.
        if (which == "nodes")
        {
            var read = (await host.As("viewer").GetNodeAsync(new() { Certname = node.ToString() })).Node;
            Assert.Equal(("", true), (read.Definition, read.Unreadable.Contains("line 2", StringComparison.Ordinal)));
            await host.As("operator")
                .PutNodeAsync(new() { Certname = node.ToString(), Definition = "\uFEFFclasses: [own]\n", Etag = read.Etag,
                    Reason = "mended", AllowUnregistered = true });
            Assert.Equal("classes: [own]\n", (await host.As("viewer").GetNodeAsync(new() { Certname = node.ToString() })).Node.Definition);
        }
        if (which == "layers")
        {
            Assert.Equal(("", true),
                (await host.As("viewer").GetLayersAsync(new())).Layers is var l
                ? (l.Document, l.Unreadable.Contains("line 2", StringComparison.Ordinal)) : default);
        }
    }

    [Fact]
    public async Task Restart_DocumentsServedBeforeARuleCame_AreServedStill()
    {
        // As an older version stored and served them.
        await PutLayers("defaults: {parameters: {sitename: x}}\n");
        await host.Launched(node, "classes: {own: {label: x}}\n");
        await host.Classify(node);
        await host.Edit(ObjectKeys.Layers, "defaults: {parameters: {title: x}}\n");
        await host.Edit(ObjectKeys.Node(node), "classes: {own: {title: x}}\n");
        // Now they are refused, and what was good before is served.
        var refused = await host.Classify(node);
        Assert.Contains("title", refused.Broken, StringComparison.Ordinal);
        Assert.Contains("\"sitename\"", refused.Yaml, StringComparison.Ordinal);
        await ServedBefore(id => ObjectKeys.DocumentHistory("layers", id), "defaults: {parameters: {title: x}}\n");
        await ServedBefore(id => ObjectKeys.History(node, id), "classes: {own: {title: x}}\n");
        await host.Restart();
        Assert.Contains("\"parameters\":\n  \"title\": \"x\"", (await host.Classify(node)).Yaml, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Put_TextThatWasGarbledOnItsWay_IsRefusedByField()
    {
        // Latin-1 on the wire: the parser refuses the message, and no handler sees it.
        byte[] latin1 = [0x0A, (byte)$"{node}".Length, .. System.Text.Encoding.ASCII.GetBytes($"{node}"), 0x12, 8, .. "a: {k: "u8, 0xE9];
        var unread = await Assert.ThrowsAsync<RpcException>(() => host.PutBytes("operator", latin1));
        Assert.Equal(StatusCode.Unknown, unread.StatusCode);
        Assert.Null(await host.Store.Get(ObjectKeys.Node(node), default));
        // A client that replaced the bytes by itself.
        var garbled = new PutNodeRequest { Certname = node.ToString(), Definition = "a: {k: \uFFFD", Reason = "x" };
        var refused = await Assert.ThrowsAsync<RpcException>(() => host.As("operator").PutNodeAsync(garbled).ResponseAsync);
        Assert.Equal(["definition"], RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Select(f => f.Field));
        garbled = new() { Certname = node.ToString(), Definition = "classes: {}\n", Reason = "caf\uFFFD" };
        refused = await Assert.ThrowsAsync<RpcException>(() => host.As("operator").PutNodeAsync(garbled).ResponseAsync);
        Assert.Equal(["reason"], RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Select(f => f.Field));
    }

    [Fact]
    public async Task Put_DoubtfulWordsAndFacts_AreSavedWithAWarningByLine()
    {
        var put = await host.As("operator").PutNodeAsync(new()
        {
            Certname = node.ToString(),
            Definition = "parameters:\n  fqdn: db7.example.org\nclasses:\n  ssh:\n    root: no\n    umask: 0022\n",
            Reason = "x",
            AllowUnregistered = true,
        });
        Assert.Equal([(2, "parameters.fqdn"), (5, "classes.ssh.root"), (6, "classes.ssh.umask")],
            put.Warnings.Select(w => (w.Line, w.Field)));
        var layers = await host.As("operator").PutLayersAsync(new()
        {
            Document = "groups:\n- name: db\n  parameters:\n    hostname: db\ndefaults:\n  classes: {ssh: {x: off}}\n",
            ValidateOnly = true,
        });
        Assert.Equal([(4, "groups.db.parameters.hostname"), (6, "defaults.classes.ssh.x")], layers.Warnings.Select(w => (w.Line, w.Field)));
    }

    [Theory]
    [InlineData("layers")]
    [InlineData("profile")]
    public async Task Remove_DocumentInUse_StaysInUseAndIsToldAlsoAfterARestart(string which)
    {
        var key = which == "layers" ? ObjectKeys.Layers : ObjectKeys.Profile("web");
        await PutLayers(Layers);
        await host.Edit(ObjectKeys.Profile("web"), "node: {classes: [nginx]}\n");
        await host.Launched(node, "profile: web\n", "web", ("team", "shop"));
        var good = await host.Classify(node);

        await host.Store.Delete(key, default);
        for (var i = 0; i < 2; i++)
        {
            var after = await host.Classify(node);
            Assert.Equal(good.Yaml, after.Yaml);
            Assert.Contains($"{key} was removed", after.Broken, StringComparison.Ordinal);
            Assert.Equal(after.Broken, (await host.Classify(node)).Broken);
            await host.Restart();
        }
        await host.Edit(key, "{}\n");
        var mended = await host.Classify(node);
        Assert.Equal("", mended.Broken);
        Assert.DoesNotContain(which == "layers" ? "shop" : "nginx", mended.Yaml, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PutLayers_Contradiction_IsRefusedAndNothingChanges()
    {
        await PutLayers(Layers);
        var etag = (await Stored()).Etag;
        var refused = await Assert.ThrowsAsync<RpcException>(() =>
            PutLayers(Layers.Replace("team: other", "tier: other", StringComparison.Ordinal), etag));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Equal("groups.others.parameters.site",
            RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Single().Field);
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
        Assert.Equal((second.Etag, "operator", "test"),
            (history.Entries.Single().Version, history.Entries[0].Author, history.Entries[0].Reason));
        var older = (await host.As("viewer").ListHistoryAsync(new ListHistoryRequest { PageSize = 1, PageToken = history.NextPageToken }));
        Assert.Equal((first.Etag, ""), (older.Entries.Single().Version, older.NextPageToken));
    }

    [Fact]
    public async Task PutLayers_OnlyValidate_WritesNothing()
    {
        await host.As("operator").PutLayersAsync(new PutLayersRequest { Document = Layers, ValidateOnly = true });
        Assert.Equal("", (await Stored()).Etag);
        Assert.Equal(StatusCode.PermissionDenied,
            (await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer")
                .PutLayersAsync(new PutLayersRequest { Document = Layers, ValidateOnly = true }))).StatusCode);
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

    // As a version without today's rules left it.
    private async Task ServedBefore(Func<string, string> key, string document)
    {
        var id = TestIds.New().Ordered();
        await host.Store.PutIfAbsent(key(id),
            new NodeHistory { Schema = 1, WriteId = id, Id = id, Kind = "served", Version = "before", Document = document, At = new() },
            default);
    }

    private async Task<V1.Layers> PutLayers(string document, string etag = "") =>
        (await host.As("operator").PutLayersAsync(new PutLayersRequest { Document = document, Etag = etag, Reason = "test" })).Layers;

    private async Task<V1.Layers> Stored() => (await host.As("viewer").GetLayersAsync(new GetLayersRequest())).Layers;
}
