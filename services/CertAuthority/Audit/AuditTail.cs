using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// One stream of audit records read from its end, a few batches ahead. Records that were taken out (too old) are passed over.
/// </summary>
/// <param name="store">Where.</param>
/// <param name="keys">Of its batches, in their order.</param>
/// <param name="parse">The record of a text; null: it is not wanted, or can't be read.</param>
/// <param name="since">Records before this are not wanted; null: all are.</param>
internal sealed class AuditTail(ObjectStore store, IReadOnlyList<string> keys, Func<string, AuditRecord?> parse, DateTimeOffset? since)
{
    private const int Ahead = 8;
    // Records are stamped before they wait for their batch, so those of one batch may be a little younger than those of the next.
    private static readonly TimeSpan Disorder = TimeSpan.FromSeconds(10);
    private readonly Queue<Task<StoredObject?>> coming = new();
    private readonly Stack<AuditRecord> loaded = new();
    private int asked = keys.Count;

    /// <summary>Nothing that is still to come is younger.</summary>
    public DateTimeOffset Reached { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>The newest that was loaded and not taken; null: <see cref="Load"/> first.</summary>
    public AuditRecord? Newest => loaded.TryPeek(out var record) ? record : null;

    /// <summary>There may be more.</summary>
    public bool IsOpen => loaded.Count > 0 || coming.Count > 0 || asked > 0;

    /// <summary>Batches that could not be read.</summary>
    public int Unreadable { get; private set; }

    public AuditRecord Take()
    {
        var record = loaded.Pop();
        Reached = Min(Reached, At(record));
        return record;
    }

    /// <summary>Reads the batch before, where there is one.</summary>
    public async Task Load(CancellationToken cancel)
    {
        while (asked > 0 && coming.Count < Ahead)
            coming.Enqueue(Read(keys[--asked], cancel));
        if (!coming.TryDequeue(out var reading) || await reading is not { } found)
            return;
        if (Parsed(found) is not { } batch)
        {
            Unreadable++;
            return;
        }
        if (batch.Records.Select(Any).OfType<AuditRecord>().FirstOrDefault() is { } oldest)
        {
            Reached = Min(Reached, At(oldest));
            if (since is { } begin && begin - At(oldest) > Disorder)
                Close();
        }
        foreach (var record in batch.Records.Select(parse).OfType<AuditRecord>().Where(r => since is null || At(r) >= since)
            .OrderBy(At).ThenBy(r => r.Id, StringComparer.Ordinal))
        {
            loaded.Push(record);
        }
    }

    /// <summary>As <see cref="AuditRecord"/> has it.</summary>
    public static DateTimeOffset At(AuditRecord record) => record.At?.ToDateTimeOffset() ?? DateTimeOffset.MinValue;

    /// <returns>Null: it was taken out, or is damaged.</returns>
    public static AuditRecord? Any(string text)
    {
        try
        {
            return RecordJson.Read<AuditRecord>(text);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }

    private void Close()
    {
        asked = 0;
        coming.Clear();
    }

    private async Task<StoredObject?> Read(string key, CancellationToken cancel)
    {
        try
        {
            return await store.Get(key, cancel);
        }
        catch (UnreadableObjectException)
        {
            return new StoredObject([], "", default);
        }
    }

    private static AuditBatch? Parsed(StoredObject found)
    {
        try
        {
            return RecordJson.Read<AuditBatch>(found.Body);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }

    private static DateTimeOffset Min(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;
}
