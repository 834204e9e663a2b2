using Grpc.Core;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>People at Classifier, over real mTLS: who wrote a definition, and what a scope refuses.</summary>
[Trait("Category", "integration")]
public sealed class PersonTests : IAsyncLifetime
{
    private const string Document = "classes:\n  ntp: {}\n";

    private ClassifierHost host = null!;

    public async Task InitializeAsync()
    {
        host = await ClassifierHost.Start();
        host.Pki.Issue("jo", Role.Operator, "profile=web,label.team=blue");
        host.Pki.Issue("kim", Role.Operator);
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task PutNode_ByAPerson_IsInTheHistory()
    {
        await Put("kim", "hand.example.com");
        await host.As("kim").PutLayersAsync(new() { Document = "defaults: {classes: {ntp: {}}}\n", Reason = "a test" });
        Assert.Equal(["kim (operator)"], (await host.As("viewer").ListHistoryAsync(new() { Certname = "hand.example.com" })).Entries
            .Select(e => e.Author));
        Assert.Equal(["kim (operator)"], (await host.As("viewer").ListHistoryAsync(new())).Entries.Select(e => e.Author));
    }

    [Fact]
    public async Task Scope_LimitsDefinitionsToItsInstances()
    {
        var (mine, other, damaged) = (Name(1), Name(2), Name(3));
        await host.Launched(mine, Document, "web", ("team", "blue"));
        await host.Launched(other, Document, "web", ("team", "red"));
        await host.Edit(ObjectKeys.Launch(damaged), "{}");
        await Missing(() => Put("jo", $"{other}"));
        // The labels match, but what it is reaches beyond them.
        var (server, named) = (Name(4), Name(5));
        await host.Launched(new() { Certname = $"{server}", Profile = "web", Role = "overture" }, Document, ("team", "blue"));
        await host.Launched(new() { Certname = $"{named}", Profile = "web", DnsAltNames = { "puppet" } }, Document, ("team", "blue"));
        await Missing(() => Put("jo", $"{server}"));
        await Missing(() => Put("jo", $"{named}"));
        await Missing(() => Put("jo", "hand.example.com"));
        Assert.Null(await host.Store.Get(ObjectKeys.Node(CertName.Parse("hand.example.com")), default));
        Assert.NotNull(await Record.ExceptionAsync(() => Put("jo", $"{damaged}")));
        Assert.Null(await host.Store.Get(ObjectKeys.Node(damaged), default));
        await Missing(async () => await host.As("jo").PutLayersAsync(new() { Document = "defaults: {}\n", Reason = "x" }));

        await Put("jo", $"{mine}");
        Assert.Equal("jo (operator)", (await host.As("jo").ListHistoryAsync(new() { Certname = $"{mine}" })).Entries[0].Author);
        // Reading is not limited.
        await host.As("jo").GetNodeAsync(new() { Certname = $"{other}" });
        await host.As("jo").ClassifyAsync(new() { Certname = $"{other}" });
    }

    private async Task Put(string party, string name)
    {
        var etag = (await host.Store.Get(ObjectKeys.Node(CertName.Parse(name)), default))?.ETag ?? "";
        await host.As(party).PutNodeAsync(new() { Certname = name, Definition = Document, Reason = "a test", Etag = etag,
            AllowUnregistered = true });
    }

    private static CertName Name(int n) => CertName.Parse($"00000000-0000-4000-8000-00000000000{n}");

    private static async Task Missing(Func<Task> call)
    {
        var fault = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal((StatusCode.PermissionDenied, "SCOPE_MISSING"), (fault.StatusCode, RpcDetails.Reason(fault)));
    }
}
