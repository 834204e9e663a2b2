using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What a caller by JSON may try to get past that gRPC enforces (threats T115): nothing of it changes anything.</summary>
[Trait("Category", "integration")]
public sealed class JsonTricksTests(JsonTricksTests.Site site) : IClassFixture<JsonTricksTests.Site>
{
    private const string Register = "/v1/instances:register";
    private const string Good = """
        {"spec": {"image": "host", "provider": "local", "puppet": {"server": "puppet.example.com"}, "node": {"classes": {"ntp": {}}}}}
        """;

    private readonly ConductorFixture world = site.World;
    private readonly ConductorHost host = site.Host;

    [Theory]
    [InlineData("text/plain"), InlineData("application/x-www-form-urlencoded"), InlineData("multipart/form-data; boundary=x")]
    [InlineData("application/grpc"), InlineData("application/grpc-web+json"), InlineData("application/ld+json"), InlineData("")]
    [InlineData("application/json; charset=utf-16"), InlineData("application/json, text/plain")]
    public async Task OtherContentTypes_AreRefused(string type) => await Refused("operator", "POST", Register, Good, r =>
    {
        r.Content!.Headers.Remove("Content-Type");
        if (type.Length > 0)
            Assert.True(r.Content.Headers.TryAddWithoutValidation("Content-Type", type));
    }, "INVALID_FIELD");

    [Theory]
    [InlineData("Origin", "https://evil.example.com", "BROWSER_REFUSED"), InlineData("Origin", "null", "BROWSER_REFUSED")]
    [InlineData("Sec-Fetch-Site", "same-origin", "BROWSER_REFUSED"), InlineData("Referer", "https://localhost/", "BROWSER_REFUSED")]
    [InlineData("X-HTTP-Method-Override", "GET", "INVALID_FIELD"), InlineData("X-Method-Override", "GET", "INVALID_FIELD")]
    [InlineData("Grpc-Timeout", "soon", "INVALID_FIELD"), InlineData("Grpc-Timeout", "-1S", "INVALID_FIELD")]
    public async Task Headers_AreRefused(string name, string value, string reason) =>
        await Refused("operator", "POST", Register, Good, r => r.Headers.TryAddWithoutValidation(name, value), reason);

    [Theory]
    [InlineData("?spec.provider=local"), InlineData("?request_id=r1"), InlineData("?no_such=1"), InlineData("?$alt=proto")]
    public async Task QueryBesideABody_IsRefused(string query) =>
        await Refused("operator", "POST", Register + query, Good, null, "INVALID_FIELD");

    [Theory]
    [InlineData("?no_such=1"), InlineData("?page_size=1&page_size=2"), InlineData("?filter.no_such=1"), InlineData("?filter.profile.x=1")]
    [InlineData("?filter.since=yesterday"), InlineData("?page_size=many"), InlineData("?pageSize=99999999999")]
    [InlineData("?page_size=1&pageSize=2"), InlineData("?page_size=1&pageSize=1")]
    public async Task QueryThatIsNoField_IsRefused(string query) =>
        await Refused("viewer", "GET", "/v1/instances" + query, null, null, null);

    [Theory]
    [InlineData("{"), InlineData("null"), InlineData("[]"), InlineData("\"x\""), InlineData("{\"conut\": 2}")]
    [InlineData("{\"count\": \"two\"}")]
    [InlineData("{\"spec\": {\"protectd\": true}}"), InlineData("{\"count\": 99999999999}"), InlineData("")]
    public async Task BodyThatIsNotTheMessage_IsRefused(string json) =>
        await Refused("operator", "POST", "/v1/instances:launch", json, null, "INVALID_FIELD");

    /// <summary>Each is taken but for that.</summary>
    [Theory]
    [InlineData("{\"spec\"", "{\"requestId\": \"a\", \"requestId\": \"a\", \"spec\"")]
    [InlineData("{\"spec\"", "{\"requestId\": \"a\", \"request_id\": \"a\", \"spec\"")]
    [InlineData("{\"spec\"", "{\"requestId\": \"a\", \"request\\u0049d\": \"b\", \"spec\"")]
    [InlineData("\"server\"", "\"caServer\": \"a.example.com\", \"ca_server\": \"a.example.com\", \"server\"")]
    [InlineData("\"image\"", "\"labels\": {\"a\": \"b\", \"a\": \"c\"}, \"image\"")]
    [InlineData("\"ntp\": {}", "\"ntp\": {\"a\": 1, \"a\": 2}")]
    public async Task BodyWithAFieldTwice_IsRefused(string of, string with) =>
        await Refused("operator", "POST", Register, Good.Replace(of, with, StringComparison.Ordinal), null, "INVALID_FIELD");

    [Fact]
    public async Task DeepAndLargeBodies_AreRefused()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 20_000)) + "1" + new string('}', 20_000);
        await Refused("operator", "POST", Register, "{\"spec\": {\"node\": {\"classes\": " + deep + "}}}", null, "INVALID_FIELD");
        var large = new string('x', 512 * 1024);
        await Refused("operator", "POST", Register, $$"""{"requestId": "{{large}}"}""", null, "TOO_LARGE");
        // Of unknown length.
        await Refused("operator", "POST", Register, "", r =>
        {
            r.Content = new StreamContent(new Endless());
            r.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }, "TOO_LARGE");
    }

    [Theory]
    [InlineData("POST", "/v1/instances%3Aregister"), InlineData("POST", "/V1/INSTANCES:REGISTER")]
    [InlineData("POST", "/v1/instances:register/")]
    [InlineData("POST", "/v1//instances:register"), InlineData("POST", "/v1/profiles/../instances:register")]
    [InlineData("POST", "/v1/profiles/%2e%2e/instances:register"), InlineData("GET", "/v1/instances:register")]
    [InlineData("PUT", "/v1/instances:register"), InlineData("OPTIONS", "/v1/instances:register"), InlineData("TRACE", "/v1/instances")]
    [InlineData("POST", "/v1/instances/x:register"), InlineData("POST", "/overture.conductor.v1.ConductorService/RegisterInstance")]
    [InlineData("HEAD", "/v1/instances:register")]
    public async Task OtherPathsAndMethods_OpenNothingForAViewer(string method, string path) =>
        await Refused("viewer", method, path, method is "GET" or "HEAD" or "OPTIONS" or "TRACE" ? null : Good, null, null);

    [Fact]
    public async Task NameBesideThePath_IsRefused()
    {
        await Refused("viewer", "GET", "/v1/instances/a.example.com?certname=b.example.com", null, null, "INVALID_FIELD");
        await Refused("viewer", "GET", "/v1/instances/a.example.com/timeline?CERTNAME=b.example.com", null, null, "INVALID_FIELD");
        await Refused("viewer", "GET", "/v1/instances", Good, null, "INVALID_FIELD");
    }

    [Fact]
    public async Task OversizedQuery_IsRefused_AndTheServiceGoesOn()
    {
        using var viewer = new JsonCaller(world.Pki, host.Port, "viewer");
        var answer = await Record.ExceptionAsync(async () => Assert.True(
            (int)(await viewer.Call("GET", "/v1/instances?filter.selector=" + new string('a', 40_000))).Status >= 400));
        Assert.True(answer is null or HttpRequestException, $"{answer}");
        Assert.Equal(HttpStatusCode.OK, (await viewer.Call("GET", "/v1/profiles")).Status);
    }

    [Fact]
    public async Task Http1_IsNotSpoken()
    {
        using var http = new HttpClient(world.Pki.Handler("operator"));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"https://localhost:{host.Port}{Register}"))
        {
            Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new StringContent(Good, Encoding.UTF8, "application/json"),
        };
        var before = await Written();
        await Assert.ThrowsAsync<HttpRequestException>(() => http.SendAsync(request));
        Assert.Equal(before, await Written());
    }

    private async Task Refused(string party, string method, string path, string? json, Action<HttpRequestMessage>? change, string? reason)
    {
        using var caller = new JsonCaller(world.Pki, host.Port, party);
        var before = await Written();
        var answer = await caller.Call(method, path, json, change);
        Assert.True((int)answer.Status is >= 400 and < 500, $"{answer.Status} {answer.Text}");
        if (reason is not null)
            Assert.Equal(reason, answer.Reason);
        Assert.Equal(before, await Written());
    }

    // What a registration would add to; another test that is red may have.
    private async Task<List<string>> Written()
    {
        var store = world.OpenStore();
        return [.. await store.List(ObjectKeys.Launches, null, default).ToListAsync(),
            .. await store.List("requests/", null, default).ToListAsync()];
    }

    private sealed class Endless : MemoryStream
    {
        private long left = 600 * 1024;

        public override bool CanSeek => false;

        public override int Read(Span<byte> buffer)
        {
            var length = (int)Math.Min(buffer.Length, left);
            buffer[..length].Fill((byte)' ');
            left -= length;
            return length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(Read(buffer.Span));
    }

    /// <summary>One Conductor for all: nothing that is sent to it may change anything.</summary>
    public sealed class Site : IAsyncLifetime
    {
        internal ConductorFixture World { get; } = new();
        internal ConductorHost Host { get; private set; } = null!;

        public async Task InitializeAsync() =>
            Host = await ConductorHost.Start(World, new() { Provider = new FakeProvider() }, o => o with { Json = true });

        public async Task DisposeAsync()
        {
            await Host.DisposeAsync();
            World.Dispose();
        }
    }
}
