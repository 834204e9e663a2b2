using Overture.Classifier.Definitions;
using Overture.Classifier.History;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;

namespace Overture.Classifier.Classification;

/// <summary>What a node is, the text the ENC prints, and where each value came from.</summary>
public sealed record Classification(NodeDefinition Definition, string Yaml, string Version, IReadOnlyList<ValueSource> Sources);

/// <summary>The act behind Puppet's "what is this node?". Never an empty answer: a node that may not be answered for is an error.</summary>
public sealed class ClassifyNode(NodeCache cache, NodeHistoryLog history, EventLog events)
{
    public async Task<Classification> Run(CertName name, CancellationToken cancel)
    {
        // 1. what the store says, at most as old as the freshness
        var entry = await cache.Read(name, cancel);
        using var span = FlowTelemetry.Step(FlowTelemetry.Classify, entry.TraceParent, name.ToString());

        // 2. unknown, revoked, contested, terminated, broken: an error, never an empty mapping that would unclassify the node
        if (entry.Stored is not { } stored)
            throw Refused(span, FaultKind.NotFound, Reason.NodeUnknown, $"no definition of {name}: it was never launched here, or was terminated");
        if (entry.Obstacle is { } obstacle)
            throw Refused(span, FaultKind.Precondition, Reason.NodeBlocked, $"{name} is not classified: {obstacle}");
        if (entry.Definition is not { } definition)
            throw Refused(span, FaultKind.Precondition, Reason.DefinitionInvalid, $"the definition of {name} is broken: {entry.Broken!.Message}");

        // 3. the answer
        var answer = new Classification(definition, QuotedYaml.Write(definition.ToTree(), "---"), stored.ETag, Sources(definition, stored));

        // 4. the fact that it was served: durable before it is given, once a version
        if (await history.Served(stored, cancel) is { } proof)
            await events.Write("classifier", name, "classified", $"classified: {Summary(definition)}", proof: proof);
        return answer;
    }

    private static FaultException Refused(System.Diagnostics.Activity? span, FaultKind kind, Reason reason, string message)
    {
        span?.SetTag(FlowTelemetry.ReasonTag, reason.Code());
        return new FaultException(kind, reason, message);
    }

    private static string Summary(NodeDefinition definition) =>
        $"{(definition.Classes.Count == 0 ? "no classes" : string.Join(", ", definition.Classes.Keys.Take(5)))} in {definition.Environment}";

    private static List<ValueSource> Sources(NodeDefinition definition, StoredNode stored)
    {
        var paths = definition.Classes.SelectMany(c => c.Value is IReadOnlyDictionary<string, object?> { Count: > 0 } parameters
                ? parameters.Keys.Select(p => $"classes.{c.Key}.{p}")
                : [$"classes.{c.Key}"])
            .Concat(definition.Parameters.Keys.Select(p => $"parameters.{p}"))
            .Append("environment");
        return [.. paths.Select(p => new ValueSource { Path = p, Layer = "node", Document = ObjectKeys.Node(stored.Certname), Version = stored.ETag })];
    }
}
