using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A console at a real Conductor: it may do what the person may whose delegation it brings, and by itself nothing.</summary>
[Trait("Category", "integration")]
public sealed class DelegationTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private ConductorHost host = null!;
    private TestIssuer issuer = null!;

    public async Task InitializeAsync()
    {
        world.Pki.Issue("jo", Role.Operator, "profile=web");
        world.Pki.Issue("vi", Role.Viewer);
        issuer = await TestIssuer.Start(world.Pki);
        await File.WriteAllTextAsync(Barred, "");
        host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Clock = new QuickTurnsClock() },
            o => o with { OpenIdConnect = issuer.Options with { Barred = Barred } });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        await issuer.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Console_ActsAsThePerson_WithinRoleAndScope_AndRecordsSaySo()
    {
        var console = host.As("console");
        var launched = await console.LaunchInstancesAsync(Web("web"), By("jo"));
        Assert.Equal("jo (operator), by console", Assert.Single(launched.Results).Instance.LaunchedBy);
        Assert.Equal("jo (operator), by console",
            (await world.OpenStore().Get<LaunchRequestRecord>("requests/jo/r1", default))!.Caller);
        // The same person's request is the same one without the console.
        Assert.Equal(launched.Results[0].Instance.Certname,
            (await host.As("jo").LaunchInstancesAsync(Web("web"))).Results[0].Instance.Certname);

        Assert.Equal("SCOPE_MISSING", await ReasonOf(async () => await console.LaunchInstancesAsync(Web("db", "r2"), By("jo"))));
        Assert.Equal("ROLE_MISSING", await ReasonOf(async () => await console.LaunchInstancesAsync(Web("web", "r3"), By("vi"))));
        await console.ListInstancesAsync(new(), By("vi"));
    }

    [Fact]
    public async Task PersonOfAProvider_IsHeldToRoleAndScope_AndRecordsSaySo()
    {
        var console = host.As("console");
        var launched = await console.LaunchInstancesAsync(Web("web"), Token("web"));
        Assert.Equal("jo_4f1c_7c9a (operator), by console", Assert.Single(launched.Results).Instance.LaunchedBy);
        // Not the request of the jo who has a certificate.
        Assert.Null(await world.OpenStore().Get<LaunchRequestRecord>("requests/jo/r1", default));
        Assert.Equal("SCOPE_MISSING", await ReasonOf(async () => await console.LaunchInstancesAsync(Web("db", "r2"), Token("web"))));
        Assert.Equal("ROLE_MISSING", await ReasonOf(async () => await console.LaunchInstancesAsync(Web("web", "r3"), Token("everyone"))));
        Assert.Equal("DELEGATION_INVALID", await ReasonOf(async () => await console.ListInstancesAsync(new(), Token("strangers"))));
        foreach (var other in new[] { "admin", "jo", "classifier" })
            Assert.Equal("DELEGATION_INVALID", await ReasonOf(async () => await host.As(other).ListInstancesAsync(new(), Token("admins"))));
    }

    [Fact]
    public async Task Stream_EndsWithTheToken_AndWhenThePersonIsBarred()
    {
        var claims = issuer.Claims(TimeProvider.System.GetUtcNow(), "everyone");
        var launched = await host.As("console").LaunchInstancesAsync(Web("web"), Token("web"));
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        // From now on, or a slow launch before would be all that ends.
        claims["exp"] = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + 10;
        using var brief = host.As("console").WatchInstances(
            new() { Certnames = { launched.Results[0].Instance.Certname } }, TestIssuer.Header(issuer.Sign(claims)));
        Assert.True(await brief.ResponseStream.MoveNext(limit.Token), "it was let in");
        Assert.Equal("DELEGATION_INVALID", await EndOf(brief));
        using var barred = host.As("console").WatchInstances(
            new() { Certnames = { launched.Results[0].Instance.Certname } }, Token("everyone"));
        Assert.True(await barred.ResponseStream.MoveNext(limit.Token));
        // As the records have it.
        await File.WriteAllTextAsync(Barred, "jo_4f1c_7c9a\n");
        Assert.Equal("DELEGATION_INVALID", await EndOf(barred));
    }

    [Fact]
    public async Task Console_ByItself_MayCallNothing()
    {
        Assert.Equal("ROLE_MISSING", await ReasonOf(async () => await host.As("console").ListInstancesAsync(new())));
    }

    [Theory]
    [InlineData("admin"), InlineData("jo"), InlineData("enc"), InlineData("classifier")]
    public async Task Others_CantActForAPerson(string party)
    {
        var headers = TestDelegation.Header(TestDelegation.Of(world.Pki, "admin", TimeProvider.System.GetUtcNow().AddHours(1), party));
        Assert.Equal("DELEGATION_INVALID", await ReasonOf(async () => await host.As(party).ListInstancesAsync(new(), headers)));
    }

    [Fact]
    public async Task TwoDelegations_AreNone()
    {
        var headers = By("jo");
        headers.Add(By("vi")[0]);
        Assert.Equal("DELEGATION_INVALID", await ReasonOf(async () => await host.As("console").ListInstancesAsync(new(), headers)));
    }

    [Fact]
    public async Task Stream_EndsWithTheDelegation()
    {
        var until = TimeProvider.System.GetUtcNow().AddSeconds(5);
        using var watch = host.As("console").WatchInstances(new(), TestDelegation.Header(TestDelegation.Of(world.Pki, "jo", until)));
        Assert.Equal("DELEGATION_INVALID", await EndOf(watch));
    }

    [Fact]
    public async Task Stream_EndsWithThePersonsRevocation()
    {
        using var watch = host.As("console").WatchInstances(new(), By("jo"));
        var list = world.Pki.Revoked(world.Pki.SerialOf("jo"));
        await world.OpenStore().PutIfAbsent(ObjectKeys.InternalCrl($"{list.Issuer}", list.Number),
            (ReadOnlyMemory<byte>)System.Text.Encoding.ASCII.GetBytes(list.Pem), default);
        Assert.Equal("CERTIFICATE_REVOKED", await EndOf(watch));
    }

    private string Barred => world.Data.File("barred");

    private Metadata Token(string group) => TestIssuer.Header(issuer.Sign(issuer.Claims(TimeProvider.System.GetUtcNow(), group)));

    private static Task<string> EndOf(AsyncServerStreamingCall<WatchInstancesResponse> watch) => ReasonOf(async () =>
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (await watch.ResponseStream.MoveNext(limit.Token))
            continue;
    });

    private Metadata By(string person) =>
        TestDelegation.Header(TestDelegation.Of(world.Pki, person, TimeProvider.System.GetUtcNow().AddHours(1)));

    private static LaunchInstancesRequest Web(string profile, string id = "r1") =>
        new() { Spec = ConductorFixture.Spec(s => s.Profile = profile), RequestId = id };

    private static async Task<string> ReasonOf(Func<Task> call) =>
        await Record.ExceptionAsync(call) is RpcException fault ? RpcDetails.Reason(fault) : "";
}
