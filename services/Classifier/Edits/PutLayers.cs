using System.Text;
using Overture.Classifier.Documents;
using Overture.Classifier.Puppetserver;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Edits;

/// <summary>Reads and replaces the layers.</summary>
internal sealed class PutLayers(ObjectStore store, SharedDocuments shared, DocumentHistory history, CheckCode check)
{
    private const int MaxReason = 500;

    /// <returns>As it lies in the bucket, valid or not; null: there are none.</returns>
    public Task<StoredObject?> Standing(CancellationToken cancel) => store.Get(ObjectKeys.Layers, cancel);

    /// <param name="document">YAML.</param>
    /// <param name="etag">Version it replaces; empty: create.</param>
    /// <param name="author">Who.</param>
    /// <param name="reason">Why, 1-500 characters.</param>
    /// <param name="onlyValidate">Write nothing.</param>
    /// <param name="checkPuppetserver">Compare them with the code that the puppetserver has.</param>
    /// <param name="cancel">Stops the wait; the write may have happened.</param>
    public async Task<StoredObject?> Run(string document, string etag, string author, string reason, bool onlyValidate,
        bool checkPuppetserver, CancellationToken cancel)
    {
        // 1. no contradiction, no rule broken
        document = Utf8Text.WithoutMark(document);
        var layers = LayersDocument.Parse(document);
        if (!onlyValidate && reason.Length is 0 or > MaxReason)
            throw FaultException.Invalid("reason", $"must say why, in 1-{MaxReason} characters");

        // 2. the puppetserver has the code, where that is asked for
        await check.Layers(layers, checkPuppetserver, cancel);
        if (onlyValidate)
            return null;

        // 3. durable, against the version the author saw
        var body = (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(document);
        var outcome = etag.Length == 0 ? await store.PutIfAbsent(ObjectKeys.Layers, body, cancel)
            : await store.PutIfMatch(ObjectKeys.Layers, body, etag, cancel);
        if (outcome == PutOutcome.Conflict)
        {
            throw etag.Length == 0
                ? new FaultException(FaultKind.AlreadyExists, Reason.AlreadyExists,
                    "there are layers; give the etag of the version to replace")
                : new FaultException(FaultKind.Conflict, Reason.EtagMismatch, "the layers were changed by another caller; read them again");
        }

        // 4. history: who and why
        var stored = await store.Get(ObjectKeys.Layers, cancel)
            ?? throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch, "the layers were removed at the same moment");
        if (!stored.Body.AsSpan().SequenceEqual(body.Span))
        {
            throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch,
                "the layers were written, but changed by another caller right after; read them again");
        }

        await history.Put(DocumentHistory.Layers, document, stored.ETag, author, reason, cancel);
        shared.Forget();
        return stored;
    }
}
