using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Documents;

/// <summary>A document that users may edit in the bucket, as last read, and the last version of it that was valid.</summary>
/// <param name="StoredVersion">ETag of what lies there now; empty: nothing does.</param>
/// <param name="Good">The last valid one; null: there is none.</param>
/// <param name="Document">Its text.</param>
/// <param name="Version">Its ETag.</param>
/// <param name="Broken">The rules that what lies there now breaks; null: it is the good one.</param>
/// <param name="UpdatedAt">When what lies there was written.</param>
internal sealed record DocumentReading<T>(
    string StoredVersion, T? Good, string Document, string Version, FaultException? Broken, DateTimeOffset UpdatedAt, long ReadAt,
    DateTimeOffset At)
    : Reading(ReadAt, At) where T : class;

/// <summary>Reads such documents: one conditional GET, and a broken edit is reported once and never served.</summary>
internal sealed class DocumentReader(ObjectStore store, TimeProvider clock, ILogger<DocumentReader> log)
{
    /// <param name="key">Its object.</param>
    /// <param name="known">The last reading.</param>
    /// <param name="parse">Throws DEFINITION_INVALID; true: of a document that was served before.</param>
    /// <param name="lastGood">Text and version of the last one that was valid, where none is known and what lies there is broken; null:
    /// there is none.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<DocumentReading<T>> Read<T>(
        string key, DocumentReading<T>? known, Func<string, bool, T> parse,
        Func<CancellationToken, Task<(string Document, string Version)?>> lastGood, CancellationToken cancel)
        where T : class
    {
        var (begun, now) = (clock.GetTimestamp(), clock.GetUtcNow());
        ConditionalGet answer;
        try
        {
            answer = await store.GetUnless(key, known?.StoredVersion ?? "", cancel);
        }
        catch (UnreadableObjectException e)
        {
            if (known?.StoredVersion == e.Version)
                return known with { ReadAt = begun, At = now, StaleSince = null, IsDoubted = false };
            return await Broken(key, e.Version, now, new FaultException(FaultKind.Invalid, Reason.DefinitionInvalid, e.Message), known,
                parse, lastGood, begun, now, cancel);
        }
        if (answer.Unchanged && known is { StoredVersion.Length: > 0 })
            return known with { ReadAt = begun, At = now, StaleSince = null, IsDoubted = false };
        if (answer.Found is not { } found)
            return new DocumentReading<T>("", null, "", "", null, default, begun, now);
        try
        {
            var text = StrictYaml.Text(found.Body);
            return new DocumentReading<T>(found.ETag, parse(text, false), text, found.ETag, null, found.LastModified, begun, now);
        }
        catch (FaultException e)
        {
            return await Broken(key, found.ETag, found.LastModified, e, known, parse, lastGood, begun, now, cancel);
        }
    }

    private async Task<DocumentReading<T>> Broken<T>(
        string key, string stored, DateTimeOffset written, FaultException why, DocumentReading<T>? known, Func<string, bool, T> parse,
        Func<CancellationToken, Task<(string Document, string Version)?>> lastGood, long begun, DateTimeOffset now,
        CancellationToken cancel)
        where T : class
    {
        BrokenEdits.Report(log, key, stored, why.Message);
        if (known?.Good is null && await lastGood(cancel) is var (document, version))
            return new DocumentReading<T>(stored, parse(document, true), document, version, why, written, begun, now);
        return new DocumentReading<T>(stored, known?.Good, known?.Document ?? "", known?.Version ?? "", why, written, begun, now);
    }
}
