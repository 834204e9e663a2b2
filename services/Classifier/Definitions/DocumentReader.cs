using System.Text;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Objects;

namespace Overture.Classifier.Definitions;

/// <summary>A document people may edit in the bucket, as last read, and the last version of it that was valid.</summary>
/// <param name="StoredVersion">ETag of what lies there now; empty: nothing does.</param>
/// <param name="Good">The last valid one; null: there is none.</param>
/// <param name="Document">Its text.</param>
/// <param name="Version">Its ETag.</param>
/// <param name="Broken">The rules that what lies there now breaks; null: it is the good one.</param>
/// <param name="UpdatedAt">When what lies there was written.</param>
public sealed record DocumentReading<T>(
    string StoredVersion, T? Good, string Document, string Version, FaultException? Broken, DateTimeOffset UpdatedAt, long ReadAt, DateTimeOffset At)
    : Reading(ReadAt, At) where T : class;

/// <summary>Reads such documents: one conditional GET, and a broken edit is told once and never served.</summary>
public sealed class DocumentReader(ObjectStore store, TimeProvider clock, ILogger<DocumentReader> log)
{
    /// <param name="key">Its object.</param>
    /// <param name="known">The last reading.</param>
    /// <param name="parse">Throws DEFINITION_INVALID.</param>
    /// <param name="lastGood">Text and version of the last one that was valid, where none is known and what lies there is broken; null: there is none.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<DocumentReading<T>> Read<T>(
        string key, DocumentReading<T>? known, Func<string, T> parse, Func<CancellationToken, Task<(string Document, string Version)?>> lastGood, CancellationToken cancel)
        where T : class
    {
        var (begun, now) = (clock.GetTimestamp(), clock.GetUtcNow());
        var answer = await store.GetUnless(key, known?.StoredVersion ?? "", cancel);
        if (answer.Unchanged && known is { StoredVersion.Length: > 0 })
            return known with { ReadAt = begun, At = now, StaleSince = null, IsDoubted = false };
        if (answer.Found is not { } found)
            return new DocumentReading<T>("", null, "", "", null, default, begun, now);
        var text = Encoding.UTF8.GetString(found.Body);
        try
        {
            return new DocumentReading<T>(found.ETag, parse(text), text, found.ETag, null, found.LastModified, begun, now);
        }
        catch (FaultException e)
        {
            BrokenEdits.Told(log, key, found.ETag, e.Message);
            if (known?.Good is null && await lastGood(cancel) is var (document, version))
                return new DocumentReading<T>(found.ETag, parse(document), document, version, e, found.LastModified, begun, now);
            return new DocumentReading<T>(found.ETag, known?.Good, known?.Document ?? "", known?.Version ?? "", e, found.LastModified, begun, now);
        }
    }
}
