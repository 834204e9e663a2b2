using System.Collections.Concurrent;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Classifier.Documents;

/// <summary>What is known of one node.</summary>
/// <param name="Own">Its own definition.</param>
/// <param name="Obstacle">Why no answer is to be given, or null.</param>
/// <param name="Launch">Facts of its launch; null: it was not launched here.</param>
internal sealed record NodeEntry(DocumentReading<NodeDefinition> Own, string? Obstacle, LaunchFacts? Launch, long ReadAt, DateTimeOffset At)
    : Reading(ReadAt, At)
{
    private const string Unsaved = "unsaved";

    /// <summary>It was never stored: nothing that is made of it is kept.</summary>
    public bool IsDraft => Own.StoredVersion == Unsaved;

    /// <summary>The node as it would be with another definition of its own. Not to be kept.</summary>
    public NodeEntry With(NodeDefinition definition) => this with
    {
        Own = Own with { StoredVersion = Unsaved, Version = Unsaved, Good = definition, Broken = null },
        Obstacle = null,
    };
}

/// <summary>
/// Nodes as last read. An entry older than the freshness is read again before it is used, so an edit in the bucket is served within that
/// time; the change feed only makes it sooner.
/// </summary>
internal sealed class NodeCache
{
    public const int MaxEntries = 200_000;
    private readonly ConcurrentDictionary<CertName, NodeEntry> entries = new();
    private readonly NodeStore store;
    private readonly DocumentReader reader;
    private readonly Freshness freshness;
    private readonly NodeHistoryLog history;
    private readonly Timeline timeline;
    private readonly BrokenDefinitions shown;
    private readonly TimeProvider clock;

    public NodeCache(NodeStore store, DocumentReader reader, Freshness freshness, NodeHistoryLog history, Timeline timeline,
        BrokenDefinitions shown, ChangeFeed feed, TimeProvider clock)
    {
        (this.store, this.reader, this.freshness, this.history, this.timeline) = (store, reader, freshness, history, timeline);
        (this.shown, this.clock) = (shown, clock);
        feed.Changed += (name, _) => Forget(name);
    }

    /// <summary>It is read again before the next answer; what is known stays, for the store may be away.</summary>
    public void Forget(CertName name)
    {
        if (entries.TryGetValue(name, out var known))
            entries.TryUpdate(name, known with { IsDoubted = true }, known);
    }

    public ValueTask<NodeEntry> Read(CertName name, CancellationToken cancel)
    {
        var known = entries.GetValueOrDefault(name);
        return known is not null && freshness.IsFresh(known) ? new(known) : Refreshed(name, known, cancel);
    }

    private async ValueTask<NodeEntry> Refreshed(CertName name, NodeEntry? known, CancellationToken cancel)
    {
        var entry = await freshness.Read(known, c => Fetch(name, known, c), cancel);
        if (entry.StaleSince is not null)
            return entry;
        // Unknown names from untrusted callers are not cached.
        if (entry.Own.StoredVersion.Length > 0 && entries.Count < MaxEntries)
            entries[name] = entry;
        else
            entries.TryRemove(name, out _);
        return entry;
    }

    private async Task<NodeEntry> Fetch(CertName name, NodeEntry? known, CancellationToken cancel)
    {
        var own = reader.Read(ObjectKeys.Node(name), known?.Own, NodeDefinition.Parse, c => history.LastGood(name, c), cancel);
        var obstacle = store.Obstacle(name, cancel);
        var launch = known?.Launch ?? await store.LaunchOf(name, cancel);
        await Task.WhenAll(own, obstacle);
        var (definition, why) = (await own, await obstacle);
        if (definition.Broken is { } broken && definition.StoredVersion != known?.Own.StoredVersion && launch is not null)
        {
            timeline.Add("classifier", name, $"definition-broken:{definition.StoredVersion}",
                $"an edit in the bucket is not served: {broken.Message}", Reason.DefinitionInvalid, ObjectKeys.Node(name));
        }
        // At each look: the registry may have lost it since.
        if (definition.Broken is { } still && launch is not null)
            await Show(new BrokenDefinition(name, definition.StoredVersion, still.Message, definition.At));
        return new NodeEntry(definition, why, launch, definition.ReadAt, definition.At);
    }

    // For the list of instances: best effort, as all of the registry is.
    private async Task Show(BrokenDefinition broken)
    {
        try
        {
            await shown.Save(broken);
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            // The connection logs that it is away; the next look writes it again.
        }
    }
}
