using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.Definitions;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Classifier.History;

/// <summary>history/&lt;certname&gt;/: every version that was put or served. The first "served" entry is the fact that makes an instance classified.</summary>
public sealed class NodeHistoryLog(ObjectStore store, Ids ids, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, string> served = new(StringComparer.Ordinal);

    public async Task<string> Add(string kind, StoredNode node, string author, string reason, CancellationToken cancel)
    {
        var id = ids.Ordered();
        var key = ObjectKeys.History(node.Certname, id);
        await store.PutIfAbsent(key, new NodeHistory
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = node.Certname.ToString(),
            Id = id,
            Kind = kind,
            Version = node.ETag,
            Document = node.Document,
            Author = author,
            Reason = reason,
            At = clock.GetUtcNow().ToTimestamp(),
        }, cancel);
        return key;
    }

    /// <summary>Notes that this version is being served, once for each time it becomes the current one.</summary>
    /// <returns>The key of the new entry, or null when the latest entry says so already.</returns>
    public async Task<string?> Served(StoredNode node, CancellationToken cancel)
    {
        var name = node.Certname.ToString();
        if (served.TryGetValue(name, out var version) && version == node.ETag)
            return null;
        var latest = await LatestServed(node.Certname, cancel);
        var key = latest == node.ETag ? null : await Add("served", node, "", "", cancel);
        served[name] = node.ETag;
        return key;
    }

    private async Task<string?> LatestServed(CertName name, CancellationToken cancel)
    {
        string? latest = null;
        await foreach (var key in store.List(ObjectKeys.HistoryOf(name), null, cancel))
        {
            if (await store.Get<NodeHistory>(key, cancel) is { Kind: "served" } entry)
                latest = entry.Version;
        }
        return latest;
    }
}
