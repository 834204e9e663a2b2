using Overture.Classifier.Documents;
using Overture.Classifier.Puppetserver;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Edits;

/// <summary>Replaces a definition.</summary>
internal sealed class PutNode(NodeStore nodes, NodeCache cache, NodeHistoryLog history, CheckCode check)
{
    /// <param name="name">Whose.</param>
    /// <param name="document">YAML.</param>
    /// <param name="etag">Version it replaces; empty: create.</param>
    /// <param name="author">Who.</param>
    /// <param name="reason">Why, 1-500 characters.</param>
    /// <param name="checkPuppetserver">Compare it with the code that the puppetserver has.</param>
    /// <param name="cancel">Stops the wait; the write may have happened.</param>
    public async Task<StoredNode> Run(CertName name, string document, string etag, string author, string reason, bool checkPuppetserver,
        CancellationToken cancel)
    {
        // 1. a definition that would break an agent's run is refused here
        document = Utf8Text.WithoutMark(document);
        var definition = NodeDefinition.Parse(document);
        if (reason.Length is 0 or > 500)
            throw FaultException.Invalid("reason", "must say why, in 1-500 characters");

        // 2. so is one for which the puppetserver lacks the code, where that is asked for
        await check.Node(name, definition, checkPuppetserver, cancel);

        // 3. durable, against the version the author saw
        if (await nodes.Put(name, document, etag, cancel) == PutOutcome.Conflict)
        {
            throw etag.Length == 0
                ? new FaultException(FaultKind.AlreadyExists, Reason.AlreadyExists,
                    $"{name} has a definition; give the etag of the version to replace")
                : new FaultException(FaultKind.Conflict, Reason.EtagMismatch, $"{name} was changed by another caller; read it again");
        }

        // 4. history: who and why. (Killed before this, the next "served" entry still keeps the document.)
        var stored = await nodes.Find(name, cancel)
            ?? throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch, $"{name} was removed at the same moment");
        if (stored.Document != document)
        {
            throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch,
                $"{name} was written, but changed by another caller right after; read it again");
        }

        await history.Put(stored, author, reason, cancel);
        cache.Forget(name);
        return stored;
    }
}
