using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Overture.Platform.Certificates;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>The HTTPS face for puppetservers, over real TLS: what it answers, and to whom.</summary>
[Trait("Category", "integration")]
public sealed class TerminusTests : IAsyncLifetime
{
    private const string Definition = "classes:\n  base:\n  login_allowed:\n    user: demo\n    times: [1, 2.0, true, ~]\nparameters:\n "
        + " mode: 0777\n  text: \"a <b> \\u00e9 '\\\"\"\nenvironment: staging\n";
    private TerminusFixture house = null!;
    private PuppetCaStandIn ca = null!;

    public async Task InitializeAsync()
    {
        house = await TerminusFixture.Build();
        ca = await PuppetCaStandIn.Start(house.Ca, house.CaPort);
        await house.Start();
        await house.Certified();
    }

    [Fact]
    public async Task Get_KnownNode_IsToldWholeAsTheDefinitionSays()
    {
        var node = await house.Define(Definition);
        using var server = house.Client(house.Ca.Issue((await house.Register()).ToString()));
        using var answer = await server.GetAsync(PathOf(node));
        Assert.Equal((HttpStatusCode.OK, "application/json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.StartsWith("""{"classes":{"base":null,"login_allowed":{"user":"demo","times":[1,2.0,true,null]}},"parameters":{"mode":"0777","text":"a <b> é '\""},"environment":"staging","version":""", text, StringComparison.Ordinal);
        var version = JsonNode.Parse(text)!["version"]!.GetValue<string>();
        Assert.Equal((await house.Store.Get(ObjectKeys.Node(node), default))!.ETag, version);
        // The same fact as by gRPC: it was served.
        Assert.True(await house.Store.Any(ObjectKeys.HistoryOf(node), default));
    }

    /// <summary>
    /// Issue 12, point 22: every one of these chains to the root that ours chains to, and bears the name of a registered puppetserver.
    /// </summary>
    [Theory]
    [InlineData("sibling"), InlineData("same name"), InlineData("root")]
    public async Task Get_WithACertificateThatOurCaDidNotSignItself_FailsTheHandshake(string by)
    {
        var (node, server) = (await house.Define(Definition), (await house.Register()).ToString());
        var (leaf, sibling) = house.Ca.IssueBeside(server, by == "sibling" ? "CN=Another department" : null);
        using var client = by == "root" ? house.Ca.Client(house.Ca.Root) : house.Ca.Client(leaf, sibling);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync(new Uri(house.Url + PathOf(node))));
        using var ours = house.Client(house.Ca.Issue(server));
        using var answer = await ours.GetAsync(PathOf(node));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    /// <summary>Issue 12, point 21.</summary>
    [Fact]
    public async Task Get_WithACertificateThatEndedOnAKeptConnection_IsForbidden()
    {
        var node = await house.Define(Definition);
        using var server = house.Client(house.Ca.Issue((await house.Register()).ToString()));
        using (var before = await server.GetAsync(PathOf(node)))
            Assert.Equal(HttpStatusCode.OK, before.StatusCode);
        house.Clock.Shift = TimeSpan.FromDays(31);
        using var after = await server.GetAsync(PathOf(node));
        Assert.Equal(HttpStatusCode.Forbidden, after.StatusCode);
        Assert.StartsWith("CERTIFICATE_NOT_VALID", await after.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_NodeThatIsNotAnsweredFor_IsAnErrorWithItsReason()
    {
        using var server = house.Client(house.Ca.Issue((await house.Register()).ToString()));
        await Refused(server, PathOf(TestIds.New().CertName()), HttpStatusCode.NotFound, "NODE_UNKNOWN");
        var blocked = await house.Define(Definition);
        await house.Block(blocked);
        await Refused(server, PathOf(blocked), HttpStatusCode.Conflict, "NODE_BLOCKED");
        await Refused(server, PathOf(await house.Define("classes: {Bad Name: }\n")), HttpStatusCode.Conflict, "DEFINITION_INVALID");
        await Refused(server, "/overture/v1/node/_x", HttpStatusCode.BadRequest, "INVALID_FIELD");
    }

    [Fact]
    public async Task Get_StoreAway_Is503AndRecovers()
    {
        var node = await house.Define(Definition);
        using var server = house.Client(house.Ca.Issue((await house.Register()).ToString()));
        house.Store.Down = true;
        await Refused(server, PathOf(node), HttpStatusCode.ServiceUnavailable, "STORE_UNAVAILABLE");
        house.Store.Down = false;
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync(PathOf(node))).StatusCode);
    }

    [Fact]
    public async Task Get_ByAnybodyButARegisteredPuppetserver_IsForbiddenAndToldNothing()
    {
        var node = await house.Define(Definition);
        using var foreignKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var foreigner = new LaunchSigner(foreignKey);
        var blocked = await house.Register();
        await house.Block(blocked);
        var ending = await house.Register();
        await house.Store.PutIfAbsent(ObjectKeys.Fact(ending, "terminating"), new InstanceFact { Schema = 1 }, default);
        // Itself, another node, one that is not registered, one whose record another Conductor signed, one that is blocked, one that goes.
        foreach (var name in new[] { node, await house.Register(role: ""), TestIds.New().CertName(), await house.Register(by: foreigner),
            blocked, ending })
        {
            using var peer = house.Client(house.Ca.Issue(name.ToString()));
            await Refused(peer, PathOf(node), HttpStatusCode.Forbidden, "NOT_PUPPETSERVER");
        }
        using var nobody = house.Client(null);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => nobody.GetAsync(PathOf(node)));
        using var otherCa = new TestPuppetCa();
        using var stranger = house.Client(otherCa.Issue((await house.Register()).ToString()));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => stranger.GetAsync(PathOf(node)));
    }

    [Theory]
    [InlineData("00ff")]
    [InlineData("7f")]
    public async Task Get_CertificateRevokedOnAKeptConnection_IsForbiddenFromThenOn(string serial)
    {
        var node = await house.Define(Definition);
        var certificate = house.Ca.Issue((await house.Register()).ToString(), Convert.FromHexString(serial));
        Assert.Equal(serial, $"{SerialNumber.Of(certificate)}");
        using var server = house.Client(certificate);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync(PathOf(node))).StatusCode);
        await house.Store.PutIfAbsent(ObjectKeys.Revocation(serial), new Revocation { Schema = 1 }, default);
        await Refused(server, PathOf(node), HttpStatusCode.Forbidden, "NOT_PUPPETSERVER");
    }

    [Fact]
    public async Task Get_WithinTheFreshness_PeerIsNotAskedOfTheStoreAgain()
    {
        await house.Stop();
        await house.Start(TimeSpan.FromHours(1));
        await house.Certified();
        var node = await house.Define(Definition);
        var name = await house.Register();
        using var server = house.Client(house.Ca.Issue(name.ToString()));
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync(PathOf(node))).StatusCode);
        house.Store.Down = true;
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync(PathOf(node))).StatusCode);
    }

    [Fact]
    public async Task AnyOtherRoute_IsNotThere()
    {
        using var server = house.Client(house.Ca.Issue((await house.Register()).ToString()));
        foreach (var path in new[] { "/", "/overture/v1/node/", "/reports", "/overture.classifier.v1.ClassifierService/ListNodes" })
            Assert.Equal(HttpStatusCode.NotFound, (await server.GetAsync(new Uri(path, UriKind.Relative))).StatusCode);
    }

    public async Task DisposeAsync()
    {
        await house.DisposeAsync();
        await ca.DisposeAsync();
    }

    private static Uri PathOf(CertName node) => new($"/overture/v1/node/{node}", UriKind.Relative);

    private static Task Refused(HttpClient peer, string path, HttpStatusCode status, string reason) =>
        Refused(peer, new Uri(path, UriKind.Relative), status, reason);

    private static async Task Refused(HttpClient peer, Uri path, HttpStatusCode status, string reason)
    {
        using var answer = await peer.GetAsync(path);
        var problem = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        Assert.Equal((status, "application/problem+json", (int)status, reason),
            (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, problem["status"]!.GetValue<int>(),
                problem["reason"]!.GetValue<string>()));
        Assert.NotEqual("", problem["detail"]!.GetValue<string>());
        Assert.Null(problem["classes"]);
    }
}
