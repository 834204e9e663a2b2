using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Records.V1;

namespace Overture.Classifier.Documents;

/// <summary>Reads histories. Ids sort by time, so the last key is the latest entry.</summary>
internal static class HistoryEntries
{
    private const int MaxBytes = 2 * 1024 * 1024;

    public static async Task<NodeHistory?> Latest(ObjectStore store, string prefix, CancellationToken cancel,
        Func<NodeHistory, bool>? wanted = null)
    {
        foreach (var key in (await Keys(store, prefix, cancel)).AsEnumerable().Reverse())
        {
            if (await Entry(store, key, cancel) is { } entry && (wanted is null || wanted(entry)))
                return entry;
        }
        return null;
    }

    /// <summary>Newest first.</summary>
    /// <param name="store">Where.</param>
    /// <param name="prefix">Whose.</param>
    /// <param name="before">Id of the last one that was returned; empty: from the newest.</param>
    /// <param name="count">One more than how many at most.</param>
    /// <param name="cancel">Gives up.</param>
    public static async Task<(IReadOnlyList<NodeHistory> Entries, bool More)> Page(ObjectStore store, string prefix, string before,
        int count, CancellationToken cancel)
    {
        var (page, size) = (new List<NodeHistory>(), 0);
        foreach (var key in (await Keys(store, prefix, cancel)).AsEnumerable().Reverse()
            .Where(k => before.Length == 0 || string.CompareOrdinal(k, prefix + before) < 0).Take(count))
        {
            if (await Entry(store, key, cancel) is not { } entry)
                continue;
            // An answer of gRPC has at most 4 MiB.
            size += entry.CalculateSize();
            if (page.Count > 0 && size > MaxBytes)
                return (page, true);
            page.Add(entry);
        }
        return (page.Take(count - 1).ToList(), page.Count == count);
    }

    /// <summary>Who put this version; empty: it was not put through the service.</summary>
    public static async Task<string> Author(ObjectStore store, string prefix, string version, CancellationToken cancel) =>
        (await Latest(store, prefix, cancel, e => e.Version == version && e.Author.Length > 0))?.Author ?? "";

    // A damaged one is passed over: those beside it are the history all the same.
    private static async Task<NodeHistory?> Entry(ObjectStore store, string key, CancellationToken cancel)
    {
        try
        {
            return await store.Get<NodeHistory>(key, cancel);
        }
        catch (UnreadableObjectException)
        {
            return null;
        }
    }

    private static async Task<List<string>> Keys(ObjectStore store, string prefix, CancellationToken cancel)
    {
        var keys = new List<string>();
        await foreach (var key in store.List(prefix, null, cancel))
            keys.Add(key);
        return keys;
    }
}
