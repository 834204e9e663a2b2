using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Classifier.Documents;

/// <summary>
/// history/&lt;certname&gt;/: every version that was put or served. The first "served" entry is the fact that makes an instance classified.
/// </summary>
internal sealed class NodeHistoryLog(ObjectStore store, Ids ids, TimeProvider clock)
{
    private const string ServedKind = "served", PutKind = "put", ArchivedKind = "archived";
    private readonly ConcurrentDictionary<string, string> served = new(StringComparer.Ordinal);

    /// <summary>Notes who replaced a definition, and why.</summary>
    public Task Put(StoredNode node, string author, string reason, CancellationToken cancel) =>
        Add(node.Certname, PutKind, node.ETag, node.Document, entry => (entry.Author, entry.Reason) = (author, reason), cancel);

    /// <summary>Keeps a version that is about to be deleted; where the latest entry keeps it already, that one is it.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> Archive(CertName name, string version, string document, string author, string reason,
        CancellationToken cancel)
    {
        if (await HistoryEntries.Latest(store, ObjectKeys.HistoryOf(name), cancel) is { Kind: ArchivedKind } latest
            && latest.Version == version)
        {
            return latest.Id;
        }
        var key = await Add(name, ArchivedKind, version, document, entry => (entry.Author, entry.Reason) = (author, reason), cancel);
        return key[(key.LastIndexOf('/') + 1)..];
    }

    /// <summary>This process has noted that this answer is the one being served.</summary>
    public bool Knows(Answer answer) =>
        served.TryGetValue(answer.Response.Certname, out var known) && ReferenceEquals(known, answer.Response.Yaml);

    /// <summary>Notes that this answer is being served, once for each time it becomes the current one.</summary>
    /// <returns>The key of the new entry, or null when the latest entry says so already.</returns>
    public async Task<string?> Served(CertName name, NodeEntry node, Answer answer, CancellationToken cancel)
    {
        var latest = await HistoryEntries.Latest(store, ObjectKeys.HistoryOf(name), cancel, e => e.Kind == ServedKind);
        var said = latest is not null && latest.Version == answer.Versions.Own
            && (latest.Answer.Length == 0 || latest.Answer == answer.Response.Yaml);
        var key = said ? null : await Add(name, ServedKind, answer.Versions.Own, node.Own.Document,
            entry => (entry.Answer, entry.Environment) = (answer.Response.Yaml, answer.Response.Environment), cancel);
        served[answer.Response.Certname] = answer.Response.Yaml;
        return key;
    }

    /// <summary>The last version of a node's own definition that was put or served; null: none.</summary>
    public async Task<(string Document, string Version)?> LastGood(CertName name, CancellationToken cancel) =>
        await HistoryEntries.Latest(store, ObjectKeys.HistoryOf(name), cancel, e => e.Kind is ServedKind or PutKind) is { } latest
            ? (latest.Document, latest.Version) : null;

    private async Task<string> Add(CertName name, string kind, string version, string document, Action<NodeHistory> more,
        CancellationToken cancel)
    {
        var id = ids.Ordered();
        var entry = new NodeHistory
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            Id = id,
            Kind = kind,
            Version = version,
            Document = document,
            At = clock.GetUtcNow().ToTimestamp(),
        };
        more(entry);
        var key = ObjectKeys.History(name, id);
        await store.PutIfAbsent(key, entry, cancel);
        return key;
    }
}
