using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Classifier.Documents;

/// <summary>classification/history/: every version of the layers and of profiles that was put or served.</summary>
internal sealed class DocumentHistory(ObjectStore store, Ids ids, TimeProvider clock)
{
    public const string Layers = "layers";

    public static string ProfileOf(string name) => $"profile-{name}";

    public Task Put(string document, string text, string version, string author, string reason, CancellationToken cancel) =>
        Add("put", document, text, version, author, reason, cancel);

    /// <summary>Notes that this version is in use, where the latest entry is of another.</summary>
    public async Task Served(string document, string text, string version, CancellationToken cancel)
    {
        if (await HistoryEntries.Latest(store, ObjectKeys.DocumentHistoryOf(document), cancel) is not { } latest
            || latest.Version != version)
        {
            await Add("served", document, text, version, "", "", cancel);
        }
    }

    /// <returns>Text and version; null: none was ever in use.</returns>
    public async Task<(string Document, string Version)?> LastGood(string document, CancellationToken cancel) =>
        await HistoryEntries.Latest(store, ObjectKeys.DocumentHistoryOf(document), cancel) is { } latest ? (latest.Document, latest.Version)
            : null;

    private Task Add(string kind, string document, string text, string version, string author, string reason, CancellationToken cancel)
    {
        var id = ids.Ordered();
        return store.PutIfAbsent(ObjectKeys.DocumentHistory(document, id), new NodeHistory
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Id = id,
            Kind = kind,
            Version = version,
            Document = text,
            Author = author,
            Reason = reason,
            At = clock.GetUtcNow().ToTimestamp(),
        }, cancel);
    }
}
