using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Classifier.Classification;
using Overture.Classifier.Definitions;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Classifier;

/// <summary>The gRPC face: messages to acts and back.</summary>
public sealed class ClassifierApi(ClassifyNode classify, PutNode put, NodeStore nodes) : ClassifierService.ClassifierServiceBase
{
    private const int MostPerPage = 500, UsualPage = 50;

    public override async Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context)
    {
        var answer = await classify.Run(CertName.Parse(request.Certname), context.CancellationToken);
        return new ClassifyResponse
        {
            Certname = request.Certname,
            Classes = StructTree.FromTree(answer.Definition.Classes),
            Parameters = StructTree.FromTree(answer.Definition.Parameters),
            Environment = answer.Definition.Environment,
            Yaml = answer.Yaml,
            Version = answer.Version,
            Sources = { answer.Sources },
        };
    }

    public override async Task<PutNodeResponse> PutNode(PutNodeRequest request, ServerCallContext context) => new()
    {
        Node = MessageOf(await put.Run(CertName.Parse(request.Certname), request.Definition, request.Etag, context.Peer().Name, request.Reason, context.CancellationToken)),
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
        if (request.PageSize is < 0 or > MostPerPage)
            throw FaultException.Invalid("page_size", "must be 1-500");
        // The list has no filter, so the token is the last certname itself.
        CertName? after = request.PageToken.Length == 0 ? null : CertName.TryParse(request.PageToken, out var last, out _)
            ? last : throw FaultException.Invalid("page_token", "is not one that ListNodes gave out");
        var size = request.PageSize == 0 ? UsualPage : request.PageSize;
        var page = await nodes.Page(after, size, context.CancellationToken);
        return new ListNodesResponse
        {
            Nodes = { page.Select(MessageOf) },
            NextPageToken = page.Count == size ? page[^1].Certname.ToString() : "",
        };
    }

    private static Node MessageOf(StoredNode node) => new()
    {
        Certname = node.Certname.ToString(),
        Definition = node.Document,
        Etag = node.ETag,
        UpdatedAt = node.UpdatedAt.ToTimestamp(),
    };
}
