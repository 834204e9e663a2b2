using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Classifier.Classification;
using Overture.Classifier.Definitions;
using Overture.Classifier.History;
using Overture.Classifier.Layers;
using Overture.Classifier.Puppetserver;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Classifier;

/// <summary>The gRPC face: messages to acts and back.</summary>
public sealed class ClassifierApi(ClassifyNode classify, ExplainNode explain, PutNode put, NodeStore nodes, PutLayers layers, CheckNode check, ObjectStore store) : ClassifierService.ClassifierServiceBase
{
    private const int MostPerPage = 500, UsualPage = 50;

    public override async Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context) =>
        (await classify.Run(CertName.Parse(request.Certname), context.CancellationToken)).Response;

    public override Task<ExplainNodeResponse> ExplainNode(ExplainNodeRequest request, ServerCallContext context) =>
        explain.Run(CertName.Parse(request.Certname), context.CancellationToken);

    public override Task<CheckNodeResponse> CheckNode(CheckNodeRequest request, ServerCallContext context) =>
        check.Run(CertName.Parse(request.Certname), context.CancellationToken);

    public override async Task<PutNodeResponse> PutNode(PutNodeRequest request, ServerCallContext context) => new()
    {
        Node = MessageOf(await put.Run(CertName.Parse(request.Certname), request.Definition, request.Etag, context.Peer().Name, request.Reason, request.CheckPuppetserver, context.CancellationToken)),
    };

    public override async Task<GetNodeResponse> GetNode(GetNodeRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        var found = await nodes.Find(name, context.CancellationToken)
            ?? throw new FaultException(FaultKind.NotFound, Reason.NodeUnknown, $"no definition of {name}");
        return new GetNodeResponse { Node = MessageOf(found) };
    }

    public override async Task<ListNodesResponse> ListNodes(ListNodesRequest request, ServerCallContext context)
    {
        var size = SizeOf(request.PageSize);
        // The list has no filter, so the token is the last certname itself.
        CertName? after = request.PageToken.Length == 0 ? null : CertName.TryParse(request.PageToken, out var last, out _)
            ? last : throw FaultException.Invalid("page_token", "is not one that ListNodes gave out");
        var page = await nodes.Page(after, size, context.CancellationToken);
        return new ListNodesResponse
        {
            Nodes = { page.Select(MessageOf) },
            NextPageToken = page.Count == size ? page[^1].Certname.ToString() : "",
        };
    }

    public override async Task<ListHistoryResponse> ListHistory(ListHistoryRequest request, ServerCallContext context)
    {
        var size = SizeOf(request.PageSize);
        var prefix = request.Certname.Length > 0 ? ObjectKeys.HistoryOf(CertName.Parse(request.Certname)) : ObjectKeys.DocumentHistoryOf(DocumentHistory.Layers);
        if (request.PageToken.Length > 0 && !Guid.TryParse(request.PageToken, out _))
            throw FaultException.Invalid("page_token", "is not one that ListHistory gave out");
        var (page, more) = await HistoryEntries.Page(store, prefix, request.PageToken, size + 1, context.CancellationToken);
        return new ListHistoryResponse { Entries = { page.Select(MessageOf) }, NextPageToken = more ? page[^1].Id : "" };
    }

    public override async Task<GetLayersResponse> GetLayers(GetLayersRequest request, ServerCallContext context) =>
        new() { Layers = MessageOf(await layers.Standing(context.CancellationToken)) };

    public override async Task<PutLayersResponse> PutLayers(PutLayersRequest request, ServerCallContext context) => new()
    {
        Layers = MessageOf(await layers.Run(request.Document, request.Etag, context.Peer().Name, request.Reason, request.ValidateOnly, request.CheckPuppetserver, context.CancellationToken)),
    };

    private static int SizeOf(int asked) => asked is < 0 or > MostPerPage ? throw FaultException.Invalid("page_size", "must be 1-500") : asked == 0 ? UsualPage : asked;

    private static V1.Layers MessageOf(StoredObject? found) => found is null ? new() : new()
    {
        Document = System.Text.Encoding.UTF8.GetString(found.Body),
        Etag = found.ETag,
        UpdatedAt = found.LastModified.ToTimestamp(),
    };

    private static HistoryEntry MessageOf(Overture.Records.V1.NodeHistory entry) => new()
    {
        Id = entry.Id,
        Kind = entry.Kind,
        Version = entry.Version,
        Document = entry.Document,
        Author = entry.Author,
        Reason = entry.Reason,
        At = entry.At,
        Answer = entry.Answer,
    };

    private static Node MessageOf(StoredNode node) => new()
    {
        Certname = node.Certname.ToString(),
        Definition = node.Document,
        Etag = node.ETag,
        UpdatedAt = node.UpdatedAt.ToTimestamp(),
    };
}
