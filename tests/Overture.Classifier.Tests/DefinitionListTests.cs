using Grpc.Core;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>The list of all definitions, what a definition may be stored for, and deleting one; at the real service.</summary>
[Trait("Category", "integration")]
public sealed class DefinitionListTests : IAsyncLifetime
{
    private ClassifierHost host = null!;

    public async Task InitializeAsync() => host = await ClassifierHost.Start();

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task ListDefinitions_EachRow_HasLayersVersionAuthorAndProblems()
    {
        await host.Edit(ObjectKeys.Layers, "defaults: {classes: [base]}\ngroups:\n  - {name: web, rank: 10, match: {certname: ['web*']}, "
            + "environment: staging}\n");
        await host.Launched(CertName.Parse("web1.example.org"), "classes: [nginx]\n");
        var put = await Put("web1.example.org", "classes: [apache]\n", (await Stored("web1.example.org")).Etag);
        await host.Launched(CertName.Parse("db1.example.org"), "classes: [pg]\nenvironment: shop\n");
        await host.Edit(ObjectKeys.Node(CertName.Parse("broken.example.org")), "classes: [a\n");
        await host.Edit(ObjectKeys.Node(CertName.Parse("latin.example.org")), [0x61, 0xE9]);
        await host.Launched(CertName.Parse("revoked.example.org"), "classes: []\n");
        await Block("revoked.example.org");
        host.Enlarge(ObjectKeys.Node(CertName.Parse("huge.example.org")));

        var all = await All(new());
        Assert.Equal(["broken.example.org", "db1.example.org", "huge.example.org", "latin.example.org", "revoked.example.org",
            "web1.example.org"], all.Select(d => d.Certname));
        var web = all[^1];
        Assert.Equal(["defaults", "group web", "node"], web.Layers);
        Assert.Equal(("staging", put.Node.Etag, "operator"), (web.Environment, web.Version, web.Author));
        Assert.Equal(put.Node.UpdatedAt, web.UpdatedAt);
        Assert.Empty(web.Problems);
        Assert.Equal(("shop", ""), (all[1].Environment, all[1].Author));
        Assert.Contains("no version before it", Assert.Single(all[0].Problems), StringComparison.Ordinal);
        Assert.Contains("is broken, and there is no version before it", Assert.Single(all[2].Problems), StringComparison.Ordinal);
        Assert.Contains("is not UTF-8", Assert.Single(all[3].Problems), StringComparison.Ordinal);
        Assert.Contains("revoked", Assert.Single(all[4].Problems), StringComparison.Ordinal);
        Assert.Empty(all[4].Layers);

        Assert.Equal(["web1.example.org"], (await All(new() { Environment = "staging" })).Select(d => d.Certname));
        Assert.Equal(4, (await All(new() { ProblemsOnly = true })).Count);
    }

    [Fact]
    public async Task ListDefinitions_PagedAndFiltered_GivesEachOnceAndLooksAtALimitedNumber()
    {
        foreach (var i in Enumerable.Range(0, 2_300))
            await host.Edit(ObjectKeys.Node(CertName.Parse($"n{i:D4}.example.org")), "classes: []\n");
        foreach (var name in (string[])["m", "n", "n-1", "n0", "n.a", "o"])
            await host.Edit(ObjectKeys.Node(CertName.Parse($"{name}")), "classes: [last]\n");

        var all = await All(new() { Prefix = "n", PageSize = 400 });
        Assert.Equal(all.Select(d => d.Certname).Order(StringComparer.Ordinal).Distinct(), all.Select(d => d.Certname));
        Assert.Equal(2_304, all.Count);

        // None matches: the first page ends before the list does.
        var none = await host.As("viewer").ListDefinitionsAsync(new() { Environment = "none", PageSize = 500 });
        Assert.Empty(none.Definitions);
        Assert.NotEmpty(none.NextPageToken);

        Assert.Equal(("INVALID_FIELD", "page_token: belongs to another filter; start again without it"),
            await Refused(new() { Environment = "other", PageToken = none.NextPageToken }));
        Assert.Equal("INVALID_FIELD", (await Refused(new() { PageToken = "bm8=" })).Reason);
        Assert.Equal("INVALID_FIELD", (await Refused(new() { Prefix = "Web/" })).Reason);
        Assert.Equal("INVALID_FIELD", (await Refused(new() { PageSize = 501 })).Reason);
    }

    [Fact]
    public async Task PutNode_NameThatNoRecordKnows_IsRefusedUnlessMeant()
    {
        var refused = await Refused(() => Put("typo.example.org", "classes: []\n"));
        Assert.Equal((StatusCode.FailedPrecondition, "NODE_UNREGISTERED"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Contains("--unregistered", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Null(await host.Store.Get(ObjectKeys.Node(CertName.Parse("typo.example.org")), default));
        await Put("typo.example.org", "classes: []\n", allow: true);

        // A launch, and a certificate, each make the name known; a launch record that is damaged is one too.
        await host.Edit(ObjectKeys.Launch(CertName.Parse("launched.example.org")), "{");
        await Put("launched.example.org", "classes: []\n");
        await host.Edit(ObjectKeys.Claim(CertName.Parse("certified.example.org"), "1"), "{}");
        await Put("certified.example.org", "classes: []\n");
    }

    [Theory]
    [InlineData(InstanceEvents.Terminating)]
    [InlineData(InstanceEvents.Terminated)]
    public async Task PutNode_OfAnEndedInstance_IsRefusedUnlessMeant(string fact)
    {
        var name = CertName.Parse("ended.example.org");
        await host.Launched(name, "classes: []\n");
        await host.Store.Delete(ObjectKeys.Node(name), default);
        await host.Edit(ObjectKeys.Fact(name, fact), "{}");
        Assert.Equal("NODE_UNREGISTERED", RpcDetails.Reason(await Refused(() => Put($"{name}", "classes: []\n"))));
        await Put($"{name}", "classes: []\n", allow: true);
    }

    [Fact]
    public async Task DeleteNode_OfTheVersionThatWasSeen_IsKeptInTheHistory()
    {
        var put = await Put("old.example.org", "classes: [a]\n", allow: true);
        var stale = await Refused(() => Delete("old.example.org", "\"another\""));
        Assert.Equal((StatusCode.Aborted, "ETAG_MISMATCH"), (stale.StatusCode, RpcDetails.Reason(stale)));
        Assert.Equal("INVALID_FIELD", RpcDetails.Reason(await Refused(() => Delete("old.example.org", ""))));
        Assert.Equal("put", Assert.Single((await host.As("viewer").ListHistoryAsync(new() { Certname = "old.example.org" })).Entries).Kind);

        var deleted = await Delete("old.example.org", put.Node.Etag);
        var latest = (await host.As("viewer").ListHistoryAsync(new() { Certname = "old.example.org" })).Entries[0];
        Assert.Equal((deleted.HistoryId, "archived", "classes: [a]\n", "operator", "retired"),
            (latest.Id, latest.Kind, latest.Document, latest.Author, latest.Reason));
        Assert.Equal((StatusCode.NotFound, "NODE_UNKNOWN"), await host.Refused(CertName.Parse("old.example.org")));
        Assert.Equal("NODE_UNKNOWN", RpcDetails.Reason(await Refused(() => Delete("old.example.org", put.Node.Etag))));
    }

    [Fact]
    public async Task DeleteNode_KilledAfterTheHistory_KeepsItOnce()
    {
        var put = await Put("twice.example.org", "classes: [a]\n", allow: true);
        var first = await Delete("twice.example.org", put.Node.Etag);
        // As it was before the object was deleted.
        await host.Edit(ObjectKeys.Node(CertName.Parse("twice.example.org")), "classes: [a]\n");
        var again = (await Stored("twice.example.org")).Etag;
        Assert.Equal(put.Node.Etag, again);
        Assert.Equal(first.HistoryId, (await Delete("twice.example.org", again)).HistoryId);
    }

    [Fact]
    public async Task DeleteNode_OfALivingInstance_NeedsForceAndLeavesNoAnswerWhateverLayersThereAre()
    {
        await host.Edit(ObjectKeys.Layers, "defaults: {classes: [base]}\n");
        var name = CertName.Parse("alive.example.org");
        await host.Launched(name, "classes: [a]\n");
        await host.Classify(name);
        var etag = (await Stored($"{name}")).Etag;
        var refused = await Refused(() => Delete($"{name}", etag));
        Assert.Equal((StatusCode.FailedPrecondition, "NODE_IN_USE"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Equal(etag, (await Stored($"{name}")).Etag);

        await Delete($"{name}", etag, force: true);
        Assert.Equal((StatusCode.NotFound, "NODE_UNKNOWN"), await host.Refused(name));

        // A certificate that is good says the same of a name without a launch; a block ends that.
        await host.Edit(ObjectKeys.Claim(CertName.Parse("hand.example.org"), "1"), "{}");
        var hand = await Put("hand.example.org", "classes: []\n");
        Assert.Equal("NODE_IN_USE", RpcDetails.Reason(await Refused(() => Delete("hand.example.org", hand.Node.Etag))));
        await Block("hand.example.org");
        await Delete("hand.example.org", hand.Node.Etag);
    }

    [Theory]
    [InlineData("enc")]
    [InlineData("viewer")]
    public async Task DeleteNode_WithoutTheRole_IsDenied(string party)
    {
        var refused = await Refused(() => host.As(party).DeleteNodeAsync(new() { Certname = "a" }).ResponseAsync);
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    private Task Block(string certname) => host.Store.PutIfAbsent(ObjectKeys.Block(CertName.Parse(certname), "revoked"), new Block
    {
        Schema = 1, WriteId = "w", Certname = certname, Id = "revoked", Kind = BlockKind.Revoked, Sentence = "leaked", By = "admin",
        At = new() { Seconds = 1 },
    }, default);

    private async Task<Node> Stored(string certname) => (await host.As("viewer").GetNodeAsync(new() { Certname = certname })).Node;

    private async Task<PutNodeResponse> Put(string certname, string definition, string etag = "", bool allow = false) =>
        await host.As("operator").PutNodeAsync(new() { Certname = certname, Definition = definition, Etag = etag, Reason = "a test",
            AllowUnregistered = allow });

    private async Task<DeleteNodeResponse> Delete(string certname, string etag, bool force = false) =>
        await host.As("operator").DeleteNodeAsync(new() { Certname = certname, Etag = etag, Reason = "retired", Force = force });

    private async Task<List<DefinitionSummary>> All(ListDefinitionsRequest request)
    {
        var all = new List<DefinitionSummary>();
        do
        {
            var page = await host.As("viewer").ListDefinitionsAsync(request);
            all.AddRange(page.Definitions);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return all;
    }

    private async Task<(string Reason, string Message)> Refused(ListDefinitionsRequest request)
    {
        var refused = await Refused(() => host.As("viewer").ListDefinitionsAsync(request).ResponseAsync);
        return (RpcDetails.Reason(refused), refused.Status.Detail);
    }

    private static async Task<RpcException> Refused<T>(Func<Task<T>> call) => await Assert.ThrowsAsync<RpcException>(call);
}
