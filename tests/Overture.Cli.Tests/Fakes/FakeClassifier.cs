using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Cli.Tests.Fakes;

/// <summary>A Classifier with canned answers; the name decides.</summary>
public sealed class FakeClassifier : ClassifierService.ClassifierServiceBase
{
    public const string Yaml = "\"classes\":\n  \"login_allowed\":\n    \"user\": \"dem\u00f6\"\n\"environment\": \"production\"\n";
    public const string Known = "0a1b2c3d-1111-4222-8333-444455556666";
    private int flaky, raced;

    public ConcurrentQueue<PutNodeRequest> Puts { get; } = new();

    public override async Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context)
    {
        switch (request.Certname)
        {
            case "empty.example.com":
                return new ClassifyResponse { Certname = request.Certname, Yaml = " \n" };
            case "slow.example.com":
                await Task.Delay(TimeSpan.FromSeconds(30), context.CancellationToken);
                break;
            case "flaky.example.com" when Interlocked.Increment(ref flaky) == 1:
                throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the object store does not answer");
            case "down.example.com":
                throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the object store\ndoes not answer");
            case "blocked.example.com":
                throw new FaultException(FaultKind.Precondition, Reason.NodeBlocked, "blocked.example.com is revoked");
            case "stale.example.com":
                return new ClassifyResponse { Certname = request.Certname, Yaml = Yaml, Environment = "production",
                    StaleSince = Timestamp.FromDateTime(DateTime.UnixEpoch), Broken = "an edit\nis not served" };
            case Known or "flaky.example.com":
                break;
            default:
                throw new FaultException(FaultKind.NotFound, Reason.NodeUnknown, $"no definition of {request.Certname}");
        }
        return new ClassifyResponse { Certname = request.Certname, Yaml = Yaml, Environment = "production", Version = "v1" };
    }

    /// <summary>One whose stored version is in its history.</summary>
    public const string Versioned = "versioned.example.com";

    /// <summary>The beginning of names that another operator changes after the first look: v0 is read, v1 is there.</summary>
    public const string Raced = "raced";

    private static string VersionOf(string certname) => certname == Known || certname.StartsWith(Raced, StringComparison.Ordinal)
        ? "v1" : certname == Versioned ? "v30" : "";

    public override Task<GetNodeResponse> GetNode(GetNodeRequest request, ServerCallContext context) =>
        request.Certname.StartsWith(Raced, StringComparison.Ordinal)
            ? Task.FromResult(new GetNodeResponse
            {
                Node = Interlocked.Increment(ref raced) % 2 == 1
                    ? new Node { Certname = request.Certname, Definition = "classes: {login_allowed: {user: demo}}\n", Etag = "v0" }
                    : new Node { Certname = request.Certname, Definition = "classes: {login_allowed: {user: demo}}\nenvironment: theirs\n",
                        Etag = "v1" },
            })
        : request.Certname == "latin.example.com"
            ? Task.FromResult(new GetNodeResponse { Node = new Node { Certname = request.Certname, Etag = "v1",
                Unreadable = "is not UTF-8 (0xE9) (line 2, byte 4)" } })
        : request.Certname == Versioned
            ? Task.FromResult(new GetNodeResponse { Node = new Node { Certname = request.Certname,
                Definition = "classes: {login_allowed: {user: demo}}\n", Etag = "v30",
                UpdatedAt = Timestamp.FromDateTime(DateTime.UnixEpoch) } })
        : request.Certname is Known or "blocked.example.com"
            ? Task.FromResult(new GetNodeResponse { Node = new Node { Certname = request.Certname,
                Definition = "classes: {login_allowed: {user: demo}}\n", Etag = "v1" } })
            : throw new FaultException(FaultKind.NotFound, Reason.NodeUnknown, $"no definition of {request.Certname}");

    public ConcurrentQueue<PutLayersRequest> LayerPuts { get; } = new();

    public override Task<ExplainNodeResponse> ExplainNode(ExplainNodeRequest request, ServerCallContext context) =>
        Task.FromResult(new ExplainNodeResponse
    {
        Certname = request.Certname,
        Layers = { "defaults", "node" },
        Broken = "an edit in the bucket is not served; the version before it is: groups: must be a list",
        Values =
        {
            new ExplainedValue
            {
                Path = "parameters.site", Value = Value.ForString("shop"), Layer = "node", Document = $"nodes/{request.Certname}",
                Version = "\"0123456789abcdef0123456789abcdef\"", Author = "ops",
                Shadowed = { new ExplainedValue { Path = "parameters.site", Value = Value.ForString("none"), Layer = "defaults",
                    Document = "classification/layers", Version = "v7" } },
            },
        },
    });

    public override Task<CheckNodeResponse> CheckNode(CheckNodeRequest request, ServerCallContext context) =>
        Task.FromResult(new CheckNodeResponse
    {
        Certname = request.Certname,
        Environment = "staging",
        Problems =
        {
            request.Certname == Known
                ? [new CodeProblem { Path = "classes.npt", Rule = "is not a class in the environment staging; is ntp meant?",
                    Layer = "group web", Document = "classification/layers", Version = "v7" }]
                : (CodeProblem[])[],
        },
    });

    // Three versions, newest first, over two pages; the stored one is the newest.
    public override Task<ListHistoryResponse> ListHistory(ListHistoryRequest request, ServerCallContext context)
    {
        HistoryEntry Entry(int number, string document) => new()
        {
            Id = $"0190a1b2-0000-7000-8000-00000000000{number}", Kind = number == 2 ? "served" : "put", Version = $"v{number}0",
            Document = document, Author = "ops", Reason = $"change {number}",
        };
        return Task.FromResult(request.PageToken.Length == 0
            ? new ListHistoryResponse { Entries = { Entry(3, "classes: {login_allowed: {user: demo}}\n"),
                Entry(2, "classes: [b]\nenvironment: one\n") }, NextPageToken = "more" }
            : new ListHistoryResponse { Entries = { Entry(1, "classes: [a]\nenvironment: one\n") } });
    }

    public override Task<GetLayersResponse> GetLayers(GetLayersRequest request, ServerCallContext context) =>
        Task.FromResult(new GetLayersResponse { Layers = new Overture.Classifier.V1.Layers { Document = "defaults: {classes: [base]}\n",
            Etag = "l1" } });

    public override Task<PutLayersResponse> PutLayers(PutLayersRequest request, ServerCallContext context)
    {
        LayerPuts.Enqueue(request);
        if (request.Document.Contains("wrong", StringComparison.Ordinal))
            throw FaultException.Invalid("groups.b.parameters.a", "contradicts group a");
        return Task.FromResult(new PutLayersResponse { Layers = request.ValidateOnly
            ? new Overture.Classifier.V1.Layers() : new Overture.Classifier.V1.Layers { Document = request.Document, Etag = "l2" } });
    }

    public ConcurrentQueue<ListDefinitionsRequest> Listings { get; } = new();

    // Two pages; the second has a problem.
    public override Task<ListDefinitionsResponse> ListDefinitions(ListDefinitionsRequest request, ServerCallContext context)
    {
        Listings.Enqueue(request.Clone());
        var first = request.PageToken.Length == 0;
        return Task.FromResult(new ListDefinitionsResponse
        {
            Definitions =
            {
                new DefinitionSummary
                {
                    Certname = first ? "one.example.com" : "two.example.com", Layers = { "defaults", "node" },
                    Environment = "staging", Version = "\"0123456789abcdef0123\"", Author = "ops", UpdatedAt = new Timestamp(),
                    Problems = { first ? (string[])[] : ["an edit\nis not served"] },
                },
            },
            NextPageToken = first ? "2" : "",
        });
    }

    public ConcurrentQueue<DeleteNodeRequest> Deletions { get; } = new();

    public override Task<DeleteNodeResponse> DeleteNode(DeleteNodeRequest request, ServerCallContext context)
    {
        Deletions.Enqueue(request);
        return request.Certname == Known && !request.Force
            ? throw new FaultException(FaultKind.Precondition, Reason.NodeInUse, $"{Known} has not ended")
            : Task.FromResult(new DeleteNodeResponse { HistoryId = "0190a1b2-0000-7000-8000-000000000009" });
    }

    public override Task<PutNodeResponse> PutNode(PutNodeRequest request, ServerCallContext context)
    {
        Puts.Enqueue(request);
        if (request is { Certname: "typo.example.com", AllowUnregistered: false })
            throw new FaultException(FaultKind.Precondition, Reason.NodeUnregistered, "typo.example.com was never launched");
        if (request is { CheckPuppetserver: true, Certname: "away.example.com" })
            throw new FaultException(FaultKind.Unavailable, Reason.PuppetserverUnavailable, "the puppetserver did not report its code");
        if (request is { CheckPuppetserver: true, Certname: "npt.example.com" })
        {
            throw new FaultException(FaultKind.Invalid, Reason.PuppetCodeMissing, "classes.npt: is not a class",
                new FieldProblem("classes.npt", "is not a class"));
        }
        if (request.Etag != VersionOf(request.Certname))
            throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch, "the stored version is v1");
        return Task.FromResult(new PutNodeResponse
        {
            Node = new Node { Certname = request.Certname, Definition = request.Definition, Etag = "v2" },
            Warnings = { DefinitionWarnings.Of(StrictYaml.Document(request.Definition))
                .Select(w => new Overture.Classifier.V1.DefinitionWarning { Line = (int)w.Line, Field = w.Field, Rule = w.Rule }) },
        });
    }
}
