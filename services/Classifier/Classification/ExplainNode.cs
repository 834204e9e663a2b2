using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.Documents;
using Overture.Classifier.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Classification;

/// <summary>Explains where each value of an answer comes from, and who wrote it.</summary>
internal sealed class ExplainNode(NodeCache cache, ClassifyNode classify, ObjectStore store)
{
    public async Task<ExplainNodeResponse> Run(CertName name, CancellationToken cancel)
    {
        // 1. the answer as it is given
        var entry = await cache.Read(name, cancel);
        var answer = await classify.Answered(name, entry, cancel);
        // 2. who wrote its documents
        var authors = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var layer in answer.Layers.DistinctBy(l => l.Document))
        {
            authors[layer.Document] = entry.StaleSince is null
                ? await HistoryEntries.Author(store, HistoryOf(name, layer), layer.Version, cancel) : "";
        }

        // 3. value by value
        return new ExplainNodeResponse
        {
            Certname = name.ToString(),
            Values = { answer.Layered.Origins.Select(o => Explained(o, authors)) },
            Layers = { answer.Layers.Select(l => l.Name) },
            Broken = answer.Versions.Broken,
            StaleSince = entry.StaleSince?.ToTimestamp(),
        };
    }

    private static string HistoryOf(CertName name, Layer layer) =>
        layer.Document == ObjectKeys.Layers ? ObjectKeys.DocumentHistoryOf(DocumentHistory.Layers)
        : layer.Document.StartsWith(ObjectKeys.Profiles, StringComparison.Ordinal)
            ? ObjectKeys.DocumentHistoryOf(DocumentHistory.ProfileOf(layer.Document[ObjectKeys.Profiles.Length..]))
        : ObjectKeys.HistoryOf(name);

    private static ExplainedValue Explained(Origin origin, Dictionary<string, string> authors) => new()
    {
        Path = origin.Path,
        Value = StructTree.ValueOf(origin.Value),
        Layer = origin.Layer.Name,
        Document = origin.Layer.Document,
        Version = origin.Layer.Version,
        Author = authors.GetValueOrDefault(origin.Layer.Document) ?? "",
        Shadowed = { origin.Below.Select(b => Explained(b, [])) },
    };
}
