using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Classifier.Documents;
using Overture.Classifier.Edits;
using Overture.Classifier.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Rpc;

namespace Overture.Classifier.Api;

/// <summary>The one document of defaults, groups and profiles.</summary>
internal sealed class LayersApi(PutLayers layers) : ClassifierService.ClassifierServiceBase
{
    public override async Task<GetLayersResponse> GetLayers(GetLayersRequest request, ServerCallContext context) =>
        new() { Layers = MessageOf(await layers.Standing(context.CancellationToken)) };

    public override async Task<PutLayersResponse> PutLayers(PutLayersRequest request, ServerCallContext context) => new()
    {
        Layers = MessageOf(await layers.Run(WholeText.Of(request).Document, request.Etag, context.Peer().Caller, request.Reason,
            request.ValidateOnly, request.CheckPuppetserver, context.CancellationToken)),
        Warnings = { LayersDocument.Warnings(request.Document).Select(w => w.Message()) },
    };

    private static V1.Layers MessageOf(StoredObject? found)
    {
        if (found is null)
            return new();
        var layers = new V1.Layers { Etag = found.ETag, UpdatedAt = found.LastModified.ToTimestamp() };
        try
        {
            layers.Document = Utf8Text.Read(found.Body);
        }
        catch (NotUtf8Exception e)
        {
            layers.Unreadable = e.Message;
        }
        return layers;
    }
}
