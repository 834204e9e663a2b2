using System.Collections.Concurrent;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Classifier.Documents;

/// <summary>The documents many nodes share, as last read: the layers, and of each profile its node key.</summary>
internal sealed class SharedDocuments(DocumentReader reader, Freshness freshness, DocumentHistory history) : IDisposable
{
    private readonly ConcurrentDictionary<string, DocumentReading<NodeDefinition>> profiles = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim oneAtATime = new(1, 1);
    private DocumentReading<LayersDocument>? layers;

    public async ValueTask<DocumentReading<LayersDocument>> Layers(CancellationToken cancel)
    {
        var known = layers;
        if (known is not null && freshness.IsFresh(known))
            return known;
        await oneAtATime.WaitAsync(cancel);
        try
        {
            var now = await freshness.Read(layers, c => Read(ObjectKeys.Layers, DocumentHistory.Layers, layers, LayersDocument.Parse, c),
                cancel);
            // What is stale is asked for again the next time.
            return now.StaleSince is null ? layers = now : now;
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    public async ValueTask<DocumentReading<NodeDefinition>> Profile(string name, CancellationToken cancel)
    {
        var known = profiles.GetValueOrDefault(name);
        if (known is not null && freshness.IsFresh(known))
            return known;
        await oneAtATime.WaitAsync(cancel);
        try
        {
            known = profiles.GetValueOrDefault(name);
            var now = await freshness.Read(known, c => Read(ObjectKeys.Profile(name), DocumentHistory.ProfileOf(name), known, NodeOf, c),
                cancel);
            return now.StaleSince is null ? profiles[name] = now : now;
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    public void Dispose() => oneAtATime.Dispose();

    /// <summary>What was put a moment ago is read again.</summary>
    public void Forget() => layers = layers is null ? null : layers with { IsDoubted = true };

    private async Task<DocumentReading<T>> Read<T>(string key, string document, DocumentReading<T>? known, Func<string, bool, T> parse,
        CancellationToken cancel) where T : class
    {
        var now = await reader.Read(key, known, parse, c => history.LastGood(document, c), cancel);
        if (now.StoredVersion.Length == 0)
            return await Removed(key, document, known, now, parse, cancel);
        // What is served is kept: a broken edit and a restart must not lose it.
        if (now.Good is not null && now.Version != known?.Version)
            await history.Served(document, now.Document, now.Version, cancel);
        return now;
    }

    // Removing one object must not strip all nodes of their classes: what was in use stays in use, and is reported as broken.
    private async Task<DocumentReading<T>> Removed<T>(string key, string document, DocumentReading<T>? known, DocumentReading<T> now,
        Func<string, bool, T> parse, CancellationToken cancel) where T : class
    {
        if (known is { StoredVersion.Length: 0 })
            return now with { Good = known.Good, Document = known.Document, Version = known.Version, Broken = known.Broken };
        if (await history.LastGood(document, cancel) is not var (text, version))
            return now;
        var broken = new FaultException(FaultKind.Precondition, Reason.DefinitionInvalid,
            $"{key} was removed; to have none, write an empty one ({{}})");
        return now with { Good = parse(text, true), Document = text, Version = version, Broken = broken };
    }

    // The profile is the Conductor's; only its node key is read here, in YAML or JSON alike.
    private static NodeDefinition NodeOf(string document, bool served)
    {
        if (StrictYaml.Read(document) is not IReadOnlyDictionary<string, object?> map)
        {
            throw new FaultException(FaultKind.Invalid, Reason.DefinitionInvalid, "profile: must be a mapping",
                new FieldProblem("profile", "must be a mapping"));
        }

        var node = map.GetValueOrDefault("node") ?? new Dictionary<string, object?>();
        // Proto JSON writes an unset environment as empty text.
        return NodeDefinition.FromTree(node is IReadOnlyDictionary<string, object?> tree && tree.GetValueOrDefault("environment") is ""
            ? tree.Where(e => e.Key != "environment").ToDictionary(e => e.Key, e => e.Value, StringComparer.Ordinal) : node, served);
    }
}
