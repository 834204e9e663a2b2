using Grpc.Core;
using Grpc.Net.Client;
using Overture.Classifier.Documents;
using Overture.Classifier.Edits;
using Overture.Classifier.Puppetserver;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>The service over real mTLS, a real redis-server and a real directory store.</summary>
[Trait("Category", "integration")]
public sealed class ClassifierTests : IAsyncLifetime
{
    private const string Definition =
        "classes:\n  login_allowed:\n    user: demo\nparameters:\n  mode: 0777\n  when: 2010-01-02\nenvironment: production\n";
    private readonly TestPki pki = new();
    private readonly TempDirectory data = new();
    private readonly CertName node = TestIds.New().CertName();
    private readonly List<GrpcChannel> channels = [];
    private RedisServer redis = null!;
    private RunningService service = null!;
    private ObjectStore store = null!;
    private int port;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        port = FreePort.Next();
        store = ObjectStore.Open("file:" + data.File("objects"), "");
        await FoundedStore.Found(store);
        service = await RunningService.Start<ClassifierModule, ClassifierOptions>(new ClassifierOptions
        {
            Bucket = "file:" + data.File("objects"),
            Listen = $"127.0.0.1:{port}",
            StateDirectory = data.File("state"),
            Tls = pki.Files("classifier"),
            Registry = new RegistryOptions { Endpoint = redis.Endpoint },
            Freshness = TimeSpan.FromMilliseconds(200),
        });
    }

    [Fact]
    public async Task Classify_KnownNode_AnswersInQuotedYamlWithSources()
    {
        await Put(Definition);
        var answer = await As("enc").ClassifyAsync(new ClassifyRequest { Certname = node.ToString() });
        Assert.Equal("---\n\"classes\":\n  \"login_allowed\":\n    \"user\": \"demo\"\n\"parameters\":\n  \"mode\": \"0777\"\n  "
            + "\"when\": \"2010-01-02\"\n\"environment\": \"production\"\n", answer.Yaml);
        Assert.Equal("production", answer.Environment);
        Assert.Contains(answer.Sources, s => s.Path == "classes.login_allowed.user" && s.Layer == "node" && s.Version == answer.Version);
    }

    [Fact]
    public async Task Classify_FirstTime_LeavesOneServedFactAVersion()
    {
        await Put(Definition);
        for (var i = 0; i < 3; i++)
            await As("enc").ClassifyAsync(new ClassifyRequest { Certname = node.ToString() });
        Assert.Single(await Served());
        await Edit(Definition.Replace("demo", "other", StringComparison.Ordinal));
        await Eventually.True(async () => (await As("enc").ClassifyAsync(new ClassifyRequest { Certname = node.ToString() }))
            .Yaml.Contains("other", StringComparison.Ordinal), "the edit is served");
        Assert.Equal(2, (await Served()).Count);
    }

    [Fact]
    public async Task Classify_UnknownNode_IsNotFoundNeverEmpty()
    {
        var refused = await Refused(() => As("enc").ClassifyAsync(new ClassifyRequest { Certname = node.ToString() }).ResponseAsync);
        Assert.Equal((StatusCode.NotFound, "NODE_UNKNOWN"), refused);
    }

    [Theory]
    [InlineData("revoked")]
    [InlineData("contested")]
    [InlineData("terminating")]
    public async Task Classify_NodeThatMayNotBeAnsweredFor_IsRefusedWithinTheFreshness(string why)
    {
        await Put(Definition);
        await As("enc").ClassifyAsync(new ClassifyRequest { Certname = node.ToString() });
        await store.PutIfAbsent(
            why == "terminating" ? ObjectKeys.Fact(node, why) : ObjectKeys.Block(node, why),
            new Block { Kind = why == "contested" ? BlockKind.Contested : BlockKind.Revoked, At = new() }, default);
        var refused = await Eventually.Get(
            async () => await Record.ExceptionAsync(() => As("enc").ClassifyAsync(new ClassifyRequest { Certname = node.ToString() })
                .ResponseAsync) as RpcException, "it is refused");
        Assert.Equal((StatusCode.FailedPrecondition, "NODE_BLOCKED"), (refused.StatusCode, RpcDetails.Reason(refused)));
    }

    [Fact]
    public async Task Classify_BrokenEditInTheBucket_IsAnErrorNotAnEmptyAnswer()
    {
        await store.PutIfAbsent(ObjectKeys.Node(node), (ReadOnlyMemory<byte>)"classes: [1,"u8.ToArray(), default);
        Assert.Equal((StatusCode.FailedPrecondition, "DEFINITION_INVALID"),
            await Refused(() => As("enc").ClassifyAsync(new ClassifyRequest { Certname = node.ToString() }).ResponseAsync));
    }

    [Fact]
    public async Task PutNode_AnotherVersion_IsAbortedAndTheFirstStays()
    {
        var first = await Put(Definition);
        var second = await As("operator")
            .PutNodeAsync(new PutNodeRequest { Certname = node.ToString(), Definition = "classes: {a: }\n", Etag = first.Etag,
                Reason = "x", AllowUnregistered = true });
        Assert.Equal((StatusCode.Aborted, "ETAG_MISMATCH"),
            await Refused(() => As("operator")
                .PutNodeAsync(new PutNodeRequest { Certname = node.ToString(), Definition = Definition, Etag = first.Etag, Reason = "x",
                    AllowUnregistered = true })
                .ResponseAsync));
        Assert.Equal((StatusCode.AlreadyExists, "ALREADY_EXISTS"),
            await Refused(() => As("operator")
                .PutNodeAsync(new PutNodeRequest { Certname = node.ToString(), Definition = Definition, Reason = "x",
                    AllowUnregistered = true }).ResponseAsync));
        Assert.Equal(second.Node.Etag, (await As("viewer").GetNodeAsync(new GetNodeRequest { Certname = node.ToString() })).Node.Etag);
    }

    [Fact]
    public async Task PutNode_OnlyValidated_WritesNothing_AndSaysWhatASaveWould()
    {
        var first = await Put(Definition);
        var look = new PutNodeRequest { Certname = node.ToString(), Definition = "parameters: {hostname: x}\n", ValidateOnly = true,
            AllowUnregistered = true };
        var answer = await As("operator").PutNodeAsync(look);
        Assert.Null(answer.Node);
        Assert.Equal("parameters.hostname", Assert.Single(answer.Warnings).Field);
        look.Definition = "classes: [1,";
        Assert.Equal(StatusCode.InvalidArgument, (await Refused(() => As("operator").PutNodeAsync(look).ResponseAsync)).Item1);
        look.Definition = Definition;
        Assert.Equal((StatusCode.PermissionDenied, "ROLE_MISSING"), await Refused(() => As("viewer").PutNodeAsync(look).ResponseAsync));
        Assert.Equal(first.Etag, (await As("viewer").GetNodeAsync(new GetNodeRequest { Certname = node.ToString() })).Node.Etag);
    }

    [Fact]
    public async Task PutNode_Hostile_NamesTheFields()
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => As("operator")
            .PutNodeAsync(new PutNodeRequest { Certname = node.ToString(), Definition = "classes: {'a;b': }\nenvironment: No!",
                Reason = "x" }).ResponseAsync);
        var fields = RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Select(f => f.Field);
        Assert.Equal(["classes.a;b", "environment"], fields);
    }

    [Fact]
    public async Task ListNodes_Paged_GivesEachOnce()
    {
        var names = Enumerable.Range(0, 7).Select(_ => TestIds.New().CertName().ToString()).Order(StringComparer.Ordinal).ToList();
        foreach (var name in names)
        {
            await As("admin").PutNodeAsync(new PutNodeRequest { Certname = name, Definition = "classes: {}\n", Reason = "x",
                AllowUnregistered = true });
        }
        var seen = new List<string>();
        var token = "";
        do
        {
            var page = await As("viewer").ListNodesAsync(new ListNodesRequest { PageSize = 3, PageToken = token });
            seen.AddRange(page.Nodes.Select(n => n.Certname));
            token = page.NextPageToken;
        }
        while (token.Length > 0);
        Assert.Equal(names, seen);
    }

    [Theory]
    [InlineData("autosign", "Classify")]
    [InlineData("conductor", "Classify")]
    [InlineData("enc", "PutNode")]
    [InlineData("viewer", "PutNode")]
    [InlineData("enc", "GetNode")]
    [InlineData("enc", "CheckNode")]
    public async Task AnyRpc_RoleNotInTheTable_IsDenied(string party, string rpc)
    {
        var name = node.ToString();
        Func<Task> call = rpc switch
        {
            "Classify" => () => As(party).ClassifyAsync(new ClassifyRequest { Certname = name }).ResponseAsync,
            "PutNode" => () => As(party).PutNodeAsync(new PutNodeRequest { Certname = name }).ResponseAsync,
            "CheckNode" => () => As(party).CheckNodeAsync(new CheckNodeRequest { Certname = name }).ResponseAsync,
            _ => () => As(party).GetNodeAsync(new GetNodeRequest { Certname = name }).ResponseAsync,
        };
        Assert.Equal((StatusCode.PermissionDenied, "ROLE_MISSING"), await Refused(call));
    }

    [Fact]
    public async Task Classify_RedisGone_StillAnswers()
    {
        await Put(Definition);
        await redis.Kill();
        Assert.NotEmpty((await As("enc").ClassifyAsync(new ClassifyRequest { Certname = node.ToString() })).Yaml);
    }

    public async Task DisposeAsync()
    {
        channels.ForEach(c => c.Dispose());
        await service.DisposeAsync();
        await redis.DisposeAsync();
        pki.Dispose();
        data.Dispose();
    }

    private ClassifierService.ClassifierServiceClient As(string party)
    {
        var channel = pki.Channel(port, party);
        channels.Add(channel);
        return new ClassifierService.ClassifierServiceClient(channel);
    }

    private async Task<Node> Put(string definition) =>
        (await As("operator").PutNodeAsync(new PutNodeRequest { Certname = node.ToString(), Definition = definition, Reason = "test",
            AllowUnregistered = true }))
            .Node;

    // As `aws s3 cp` or an editor would: straight into the bucket.
    private async Task Edit(string definition)
    {
        var now = (await store.Get(ObjectKeys.Node(node), default))!;
        Assert.Equal(PutOutcome.Stored,
            await store.PutIfMatch(ObjectKeys.Node(node), System.Text.Encoding.UTF8.GetBytes(definition), now.ETag, default));
    }

    private async Task<List<NodeHistory>> Served()
    {
        var served = new List<NodeHistory>();
        await foreach (var key in store.List(ObjectKeys.HistoryOf(node), null, default))
        {
            if (await store.Get<NodeHistory>(key, default) is { Kind: "served" } entry)
                served.Add(entry);
        }
        return served;
    }

    private static async Task<(StatusCode, string)> Refused(Func<Task> call)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(call);
        return (refused.StatusCode, RpcDetails.Reason(refused));
    }
}
