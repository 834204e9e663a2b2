using Grpc.Core;
using Overture.Classifier.V1;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Tls;

namespace Overture.Console.Tests.Fakes;

/// <summary>Keeps what is put, with versions.</summary>
internal sealed class FakeClassifier(World world) : ClassifierService.ClassifierServiceBase
{
    public override Task<ExplainNodeResponse> ExplainNode(ExplainNodeRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        return Task.FromResult(DefinitionScene.Of(request.Certname));
    }

    public override Task<GetNodeResponse> GetNode(GetNodeRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        if (request.Certname == DefinitionScene.Undefined)
            throw new FaultException(FaultKind.NotFound, Reason.NodeUnknown, "no definition of it");
        var (document, version) = world.Documents.GetOrAdd(request.Certname, (DefinitionScene.Document, 1));
        return Task.FromResult(new GetNodeResponse
        {
            Node = new Node
            {
                Certname = request.Certname, Etag = $"v{version}", UpdatedAt = Scene.Ago(TimeSpan.FromHours(2)), Definition = document,
            },
        });
    }

    public override Task<PutNodeResponse> PutNode(PutNodeRequest request, ServerCallContext context)
    {
        var why = request.ValidateOnly ? ", only to look" : $" ({request.Reason})";
        world.Asked(context, Role.Classifier, $"PutNode {request.Certname}{why}");
        if (request.ValidateOnly)
            world.LookedAt[request.Certname] = request.Reason;
        Put(request.Certname, request.Definition, request.Etag, request.ValidateOnly);
        var warning = new DefinitionWarning { Line = 2, Field = "parameters.hostname", Rule = "hides a fact" };
        return Task.FromResult(new PutNodeResponse { Warnings = { warning } });
    }

    public override Task<DeleteNodeResponse> DeleteNode(DeleteNodeRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier, $"DeleteNode {request.Certname} {request.Etag} {request.Force} ({request.Reason})");
        return Task.FromResult(new DeleteNodeResponse { HistoryId = "2" });
    }

    public override Task<GetLayersResponse> GetLayers(GetLayersRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        var (document, version) = world.Documents.GetOrAdd("", (DefinitionScene.Document, 1));
        return Task.FromResult(new GetLayersResponse
        {
            Layers = new Layers { Document = document, Etag = $"v{version}", UpdatedAt = Scene.Ago(TimeSpan.FromHours(2)) },
        });
    }

    public override Task<PutLayersResponse> PutLayers(PutLayersRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier, $"PutLayers{(request.ValidateOnly ? ", only to look" : $" ({request.Reason})")}");
        Put("", request.Document, request.Etag, request.ValidateOnly);
        return Task.FromResult(new PutLayersResponse());
    }

    private void Put(string name, string document, string etag, bool onlyLook)
    {
        if (document.Contains("broken", StringComparison.Ordinal))
            throw FaultException.Invalid("definition", $"line 2: {Scene.Hostile} is no environment");
        if (onlyLook)
            return;
        var (_, version) = world.Documents.GetOrAdd(name, (DefinitionScene.Document, 1));
        if (etag != $"v{version}")
            throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch, $"{name} was changed by another caller; read it again");
        world.Documents[name] = (document, version + 1);
    }

    public override Task<ListHistoryResponse> ListHistory(ListHistoryRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        return Task.FromResult(new ListHistoryResponse { Entries = { DefinitionScene.History() } });
    }

    public override Task<ListDefinitionsResponse> ListDefinitions(ListDefinitionsRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.Classifier);
        var some = world.Fleet.Take(20).Append(world.Fleet[^1]);
        return Task.FromResult(new ListDefinitionsResponse { Definitions = { some.Select(Summary) } });
    }

    private static DefinitionSummary Summary(Instance instance)
    {
        var summary = new DefinitionSummary
        {
            Certname = instance.Certname, Environment = "production", Layers = { "defaults", $"group {instance.Profile}", "node" },
            Author = "jo (operator)", UpdatedAt = instance.CreatedAt,
        };
        if (instance.Certname == Scene.HostileName)
            summary.Problems.Add(Scene.Hostile);
        return summary;
    }
}
