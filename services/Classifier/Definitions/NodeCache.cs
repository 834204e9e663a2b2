using System.Collections.Concurrent;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Classifier.Definitions;

/// <summary>What is known of one node: its definition as last read, and whether it may be answered for.</summary>
/// <param name="Stored">The object.</param>
/// <param name="Definition">Parsed, or null when it breaks a rule.</param>
/// <param name="Broken">The rule it breaks.</param>
/// <param name="Obstacle">Why no answer is to be given, or null.</param>
/// <param name="TraceParent">Of its launch.</param>
/// <param name="ReadAt">Timestamp of the reading; not of the wall clock, which may be set back.</param>
public sealed record NodeEntry(
    StoredNode? Stored, NodeDefinition? Definition, FaultException? Broken, string? Obstacle, string? TraceParent, long ReadAt);

/// <summary>
/// Nodes as last read. An entry older than the freshness is read again before it is used, so an edit in the bucket is served within that
/// time; the change feed only makes it sooner.
/// </summary>
public sealed class NodeCache
{
    private const int MostEntries = 200_000;
    private readonly ConcurrentDictionary<string, NodeEntry> entries = new(StringComparer.Ordinal);
    private readonly NodeStore store;
    private readonly TimeProvider clock;
    private readonly TimeSpan freshness;

    public NodeCache(NodeStore store, ClassifierOptions options, ChangeFeed feed, TimeProvider clock)
    {
        this.store = store;
        this.clock = clock;
        freshness = options.Freshness;
        feed.Changed += (name, _) => Forget(name);
    }

    public void Forget(CertName name) => entries.TryRemove(name.ToString(), out _);

    public async Task<NodeEntry> Read(CertName name, CancellationToken cancel)
    {
        if (entries.TryGetValue(name.ToString(), out var known) && clock.GetElapsedTime(known.ReadAt) <= freshness)
            return known;
        var now = clock.GetTimestamp();
        var stored = await store.Find(name, cancel);
        var obstacle = await store.Obstacle(name, cancel);
        // What has not changed is not parsed, and its launch not read, again.
        var same = stored is not null && known?.Stored?.ETag == stored.ETag;
        var (definition, broken) = same ? (known!.Definition, known.Broken) : Parse(stored);
        var trace = same ? known!.TraceParent : await store.TraceParent(name, cancel);
        var entry = new NodeEntry(stored, definition, broken, obstacle, trace, now);
        // Names that strangers make up are not kept.
        if (stored is not null && entries.Count < MostEntries)
            entries[name.ToString()] = entry;
        else
            Forget(name);
        return entry;
    }

    private static (NodeDefinition?, FaultException?) Parse(StoredNode? stored)
    {
        if (stored is null)
            return (null, null);
        try
        {
            return (NodeDefinition.Parse(stored.Document), null);
        }
        catch (FaultException e)
        {
            return (null, e);
        }
    }
}
