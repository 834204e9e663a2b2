using System.Runtime.CompilerServices;
using Overture.Platform.Faults;
using Overture.Platform.Objects;

namespace Overture.CertAuthority.Audit;

/// <summary>Objects of the audit log in their order, read a few ahead: a batch may be one record, and a store far away.</summary>
internal static class AuditObjects
{
    private const int Ahead = 8;

    public static async Task<IReadOnlyList<string>> List(ObjectStore store, string prefix, string? after, CancellationToken cancel)
    {
        var keys = new List<string>();
        await foreach (var key in store.List(prefix, after, cancel))
            keys.Add(key);
        return keys;
    }

    public static async IAsyncEnumerable<(string Key, byte[] Body)> Read(
        ObjectStore store, IReadOnlyList<string> keys, [EnumeratorCancellation] CancellationToken cancel)
    {
        var coming = new Queue<(string Key, Task<StoredObject?> Body)>();
        foreach (var key in keys)
        {
            coming.Enqueue((key, store.Get(key, cancel)));
            if (coming.Count >= Ahead && await Next(coming) is { } found)
                yield return found;
        }
        while (coming.Count > 0)
        {
            if (await Next(coming) is { } found)
                yield return found;
        }
    }

    private static async Task<(string, byte[])?> Next(Queue<(string Key, Task<StoredObject?> Body)> coming)
    {
        var (key, reading) = coming.Dequeue();
        try
        {
            return await reading is { } found ? (key, found.Body) : null;
        }
        catch (UnreadableObjectException)
        {
            return (key, []); // no record: the caller finds that it does not parse
        }
    }
}
