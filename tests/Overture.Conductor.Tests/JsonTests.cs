using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Overture.Conductor.V1;
using Overture.Platform.Connections;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>RPCs as JSON over HTTP/2: the same callers may do the same, and get the same answers.</summary>
[Trait("Category", "integration")]
public sealed class JsonTests : IAsyncLifetime
{
    private const string Web = """
        {"image": "host", "provider": "local", "profile": "web", "labels": {"team": "blue"},
            "puppet": {"server": "puppet.example.com"}, "node": {"classes": {"ntp": {}}}}
        """;

    private const string Nobody = "00000000-0000-4000-8000-000000000001";

    private readonly ConductorFixture world = new();
    private readonly List<JsonCaller> callers = [];
    private FaultyStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        world.Pki.Issue("jo", Role.Operator, "profile=web,label.team=red");
        await Start(json: true);
    }

    public async Task DisposeAsync()
    {
        callers.ForEach(c => c.Dispose());
        await host.DisposeAsync();
        world.Dispose();
    }

    [Theory, InlineData("viewer"), InlineData("operator"), InlineData("enc"), InlineData("autosign"), InlineData("conductor"),
        InlineData("certauthority"), InlineData("console")]
    public async Task WrongRole_IsRefusedAsOverGrpc(string party)
    {
        var table = new RoleTable().Add([ConductorService.Descriptor]);
        var peer = PeerIdentity.Of(new PeerCertificates(world.Pki.Files(party), TimeProvider.System).Current.Leaf);
        var refused = ConductorService.Descriptor.Methods
            .Where(m => !table.Allows($"/{m.Service.FullName}/{m.Name}", peer) && JsonCaller.Route(m) is not null).ToList();
        Assert.Equal(party == "operator", refused.Count == 0);
        using var channel = world.Pki.Channel(host.Port, party);
        foreach (var rpc in refused)
        {
            var (method, path, hasBody) = JsonCaller.Route(rpc)!.Value;
            var json = rpc.IsServerStreaming ? await First(As(party), path)
                : await As(party).Call(method, path, hasBody ? "{}" : null);
            var grpc = await Assert.ThrowsAsync<RpcException>(() => Raw(channel.CreateCallInvoker(), rpc));
            Assert.Equal(("ROLE_MISSING", StatusCode.PermissionDenied), (RpcDetails.Reason(grpc), grpc.StatusCode));
            Assert.Equal((rpc.Name, "ROLE_MISSING", 7), (rpc.Name, json.Reason, json.Body!.Value.GetProperty("code").GetInt32()));
            if (!rpc.IsServerStreaming)
                Assert.Equal(HttpStatusCode.Forbidden, json.Status);
            Assert.Equal(grpc.Status.Detail, json.Body!.Value.GetProperty("message").GetString());
        }
        Assert.False(await world.OpenStore().Any(ObjectKeys.Launches, default));
    }

    [Fact]
    public async Task Anonymous_GetsNoConnection()
    {
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null;
        using var nobody = new HttpClient(handler) { DefaultRequestVersion = HttpVersion.Version20 };
        await Assert.ThrowsAsync<HttpRequestException>(() => nobody.GetAsync(new Uri($"https://localhost:{host.Port}/v1/instances")));
    }

    [Fact]
    public async Task Register_ByJson_IsTheSameAct()
    {
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        var registered = await As("operator").Call("POST", "/v1/instances:register", $$"""{"spec": {{Web}}, "requestId": "r1"}""",
            r => r.Headers.Add("traceparent", $"00-{Trace}-b7ad6b7169203331-01"));
        Assert.Equal((HttpStatusCode.OK, ""), (registered.Status, registered.Reason));
        var instance = registered.Body!.Value.GetProperty("instance");
        var name = instance.GetProperty("certname").GetString()!;
        Assert.StartsWith("#cloud-config", registered.Body!.Value.GetProperty("userData").GetString(), StringComparison.Ordinal);
        Assert.Equal(Trace, instance.GetProperty("traceId").GetString());
        Assert.Equal("operator", (await world.OpenStore().Get<LaunchRequestRecord>("requests/operator/r1", default))!.Caller);

        // The same request by gRPC finds the same instance.
        var again = await host.As("operator").RegisterInstanceAsync(new() { RequestId = "r1",
            Spec = LaunchSpec.Parser.ParseJson(Web) });
        Assert.Equal((name, "operator"), (again.Instance.Certname, again.Instance.LaunchedBy));
        var read = await As("viewer").Call("GET", $"/v1/instances/{name}");
        Assert.Equal(name, read.Body!.Value.GetProperty("instance").GetProperty("certname").GetString());
        Assert.Equal(HttpStatusCode.OK, (await As("operator").Call("PATCH", $"/v1/instances/{name}", """{"protected": true}""")).Status);
        var kept = await As("operator").Call("POST", $"/v1/instances/{name}:terminate", """{"reason": "a test"}""");
        Assert.Equal((HttpStatusCode.BadRequest, "PROTECTED"), (kept.Status, kept.Reason));
        var gone = await As("viewer").Call("GET", $"/v1/instances/{Nobody}");
        Assert.Equal((HttpStatusCode.NotFound, "NOT_FOUND"), (gone.Status, gone.Reason));
        // The name of the path may be in the body, another not.
        var same = await As("operator").Call("PATCH", $"/v1/instances/{name}", $$"""{"certname": "{{name}}", "protected": true}""");
        Assert.Equal(HttpStatusCode.OK, same.Status);
        var other = await As("operator").Call("PATCH", $"/v1/instances/{Nobody}",
            $$"""{"certname": "{{name}}"}""");
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_FIELD"), (other.Status, other.Reason));
    }

    [Fact]
    public async Task Person_WithAScope_IsHeldToIt()
    {
        var answer = await As("jo").Call("POST", "/v1/instances:register", $$"""{"spec": {{Web}}}""");
        Assert.Equal((HttpStatusCode.Forbidden, "SCOPE_MISSING"), (answer.Status, answer.Reason));
        var profile = await As("jo").Call("PUT", "/v1/profiles/web", """{"document": "{}"}""");
        Assert.Equal((HttpStatusCode.Forbidden, "SCOPE_MISSING"), (profile.Status, profile.Reason));
        Assert.False(await world.OpenStore().Any(ObjectKeys.Launches, default));
    }

    [Fact]
    public async Task BadSpec_NamesEachField()
    {
        var answer = await As("operator").Call("POST", "/v1/instances:launch", """{"spec": {"provider": "no-such"}}""");
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_FIELD"), (answer.Status, answer.Reason));
        Assert.Contains("fieldViolations", answer.Text, StringComparison.Ordinal);
        Assert.Contains("spec.puppet.server", answer.Text, StringComparison.Ordinal);
        Assert.Contains("trace_id", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_SendsEachChange_UntilTheCertificateIsRevoked()
    {
        var name = (await host.As("operator").RegisterInstanceAsync(new() { Spec = LaunchSpec.Parser.ParseJson(Web) })).Instance.Certname;
        await using var lines = As("viewer").Stream($"/v1/instances:watch?certnames={name}").GetAsyncEnumerator();
        Assert.True(await lines.MoveNextAsync());
        Assert.Equal(name, lines.Current.GetProperty("instance").GetProperty("certname").GetString());
        await host.As("operator").UpdateInstanceAsync(new() { Certname = name, Protected = true });
        do
        {
            Assert.True(await lines.MoveNextAsync());
        }
        while (!lines.Current.GetProperty("instance").GetProperty("protected").GetBoolean());
        host.Get<RevokedPeers>().Take([world.Pki.SerialOf("viewer")]);
        do
        {
            Assert.True(await lines.MoveNextAsync());
        }
        while (lines.Current.TryGetProperty("instance", out _));
        Assert.Equal("CERTIFICATE_REVOKED", new JsonAnswer(HttpStatusCode.OK, lines.Current).Reason);
        Assert.False(await lines.MoveNextAsync());
        var refused = await As("viewer").Call("GET", "/v1/instances");
        Assert.Equal((HttpStatusCode.Forbidden, "CERTIFICATE_REVOKED"), (refused.Status, refused.Reason));
    }

    [Fact]
    public async Task Deadline_EndsTheCall()
    {
        var last = default(JsonElement);
        await foreach (var line in As("viewer").Stream("/v1/instances:watch", r => r.Headers.Add("Grpc-Timeout", "300m")))
            last = line;
        Assert.Equal((int)StatusCode.DeadlineExceeded, last.GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task Deadline_OfAUnaryCall_IsA504()
    {
        // Over while the handler reads.
        var began = Stopwatch.StartNew();
        store.BeforeGet = async key =>
        {
            if (!key.Contains(Nobody, StringComparison.Ordinal))
                return;
            await Eventually.True(() => Task.FromResult(began.Elapsed > TimeSpan.FromSeconds(1)), "the time is over");
            throw new OperationCanceledException("as a store that is told so");
        };
        Late(await As("viewer").Call("GET", $"/v1/instances/{Nobody}", null, r => r.Headers.Add("Grpc-Timeout", "500m")));
        store.BeforeGet = null;
        // Over while the body comes, which it never does.
        Late(await As("operator").Call("POST", "/v1/instances:register", "", r =>
        {
            r.Headers.Add("Grpc-Timeout", "300m");
            r.Content = new StreamContent(new Stalled());
            r.Content.Headers.ContentType = new("application/json");
        }));
        // Over at once: no handler is asked.
        Late(await As("operator").Call("POST", "/v1/instances:register", $$"""{"requestId": "late", "spec": {{Web}}}""",
            r => r.Headers.Add("Grpc-Timeout", "0S")));
        Assert.False(await world.OpenStore().Any("requests/", default));

        static void Late(JsonAnswer answer) => Assert.Equal((HttpStatusCode.GatewayTimeout, (int)StatusCode.DeadlineExceeded),
            (answer.Status, answer.Body!.Value.GetProperty("code").GetInt32()));
    }

    [Fact]
    public async Task Off_ThereIsNoRoute_AndGrpcHealthAndReflectionStay()
    {
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await Health());
        Assert.Equal(HttpStatusCode.NotFound, (await As("operator").Call("GET", "/grpc.health.v1.Health/Check")).Status);
        await host.DisposeAsync();
        await Start(json: false);
        Assert.Equal(HttpStatusCode.NotFound, (await As("operator").Call("GET", "/v1/instances")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await As("operator").Call("POST", "/v1/instances:register", "{}")).Status);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await Health());
        await host.As("viewer").ListProfilesAsync(new());
    }

    private async Task Start(bool json)
    {
        store = new FaultyStore(world.OpenStore());
        host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store }, o => o with { Json = json });
        await Eventually.True(async () => await Health() == HealthCheckResponse.Types.ServingStatus.Serving, "it serves");
    }

    private async Task<HealthCheckResponse.Types.ServingStatus> Health()
    {
        using var channel = world.Pki.Channel(host.Port, "viewer");
        return (await new Health.HealthClient(channel).CheckAsync(new())).Status;
    }

    private JsonCaller As(string party)
    {
        callers.Add(new JsonCaller(world.Pki, host.Port, party));
        return callers[^1];
    }

    private static async Task<JsonAnswer> First(JsonCaller caller, string path)
    {
        await foreach (var line in caller.Stream(path))
            return new JsonAnswer(HttpStatusCode.OK, line);
        throw new InvalidOperationException("an empty stream");
    }

    // An empty message, whatever the RPC takes.
    private static async Task Raw(CallInvoker invoker, MethodDescriptor rpc)
    {
        var bytes = Marshallers.Create(static (byte[] b) => b, static b => b);
        var type = rpc.IsServerStreaming ? MethodType.ServerStreaming : MethodType.Unary;
        var method = new Method<byte[], byte[]>(type, rpc.Service.FullName, rpc.Name, bytes, bytes);
        if (rpc.IsServerStreaming)
            await invoker.AsyncServerStreamingCall(method, null, new CallOptions(), []).ResponseStream.MoveNext(default);
        else
            await invoker.AsyncUnaryCall(method, null, new CallOptions(), []);
    }

    // A body of which nothing comes.
    private sealed class Stalled : MemoryStream
    {
        public override bool CanSeek => false;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }
    }
}
