using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Classifier.Classification;
using Overture.Classifier.Documents;
using Overture.Classifier.Edits;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Classifier.Api;

/// <summary>Definitions of nodes, and what they were before.</summary>
internal sealed class NodesApi(PutNode put, DeleteNode delete, ListDefinitions definitions, NodeStore nodes, ObjectStore store)
    : ClassifierService.ClassifierServiceBase
{
    private const int MaxPerPage = 500, UsualPage = 50;

    public override async Task<PutNodeResponse> PutNode(PutNodeRequest request, ServerCallContext context) => new()
    {
        Node = await put.Run(await InScope(WholeText.Of(request).Certname, context), request.Definition, request.Etag,
            context.Peer().Caller, request.Reason, request.CheckPuppetserver, request.AllowUnregistered, request.ValidateOnly,
            context.CancellationToken) is { } stored ? MessageOf(stored) : null,
        Warnings = { DefinitionWarnings.Of(StrictYaml.Document(request.Definition)).Select(w => w.Message()) },
    };

    // A node that was not launched or registered here has neither profile nor labels: no scope covers it.
    private async Task<CertName> InScope(string certname, ServerCallContext context)
    {
        var (name, peer) = (CertName.Parse(certname), context.Peer());
        if (peer.Scope.IsLimited)
        {
            if (await nodes.LaunchOf(name, context.CancellationToken) is { } launch)
                peer.DemandScopeOfInstance($"node {name}", launch.Profile, launch.Labels, launch.Role, launch.DnsAltNames);
            else
                peer.DemandNoScope($"define {name}, which was not launched or registered here");
        }
        return name;
    }

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
            ? last : throw FaultException.Invalid("page_token", "was not issued by ListNodes");
        var page = await nodes.Page(after, size, context.CancellationToken);
        return new ListNodesResponse
        {
            Nodes = { page.Select(MessageOf) },
            NextPageToken = page.Count == size ? page[^1].Certname.ToString() : "",
        };
    }

    public override Task<ListDefinitionsResponse> ListDefinitions(ListDefinitionsRequest request, ServerCallContext context) =>
        definitions.Page(request, context.CancellationToken);

    public override async Task<DeleteNodeResponse> DeleteNode(DeleteNodeRequest request, ServerCallContext context) => new()
    {
        HistoryId = await delete.Run(await InScope(WholeText.Of(request).Certname, context), request.Etag, context.Peer().Caller,
            request.Reason, request.Force, context.CancellationToken),
    };

    public override async Task<ListHistoryResponse> ListHistory(ListHistoryRequest request, ServerCallContext context)
    {
        var size = SizeOf(request.PageSize);
        var prefix = request.Certname.Length > 0 ? ObjectKeys.HistoryOf(CertName.Parse(request.Certname))
            : ObjectKeys.DocumentHistoryOf(DocumentHistory.Layers);
        if (request.PageToken.Length > 0 && !Guid.TryParse(request.PageToken, out _))
            throw FaultException.Invalid("page_token", "was not issued by ListHistory");
        var (page, more) = await HistoryEntries.Page(store, prefix, request.PageToken, size + 1, context.CancellationToken);
        return new ListHistoryResponse { Entries = { page.Select(MessageOf) }, NextPageToken = more ? page[^1].Id : "" };
    }

    private static int SizeOf(int asked) =>
        asked is < 0 or > MaxPerPage ? throw FaultException.Invalid("page_size", "must be 1-500") : asked == 0 ? UsualPage : asked;

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
        Unreadable = node.Unreadable,
    };
}
