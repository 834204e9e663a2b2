using Overture.Classifier.Documents;
using Overture.Classifier.Puppetserver;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Edits;

/// <summary>Replaces a definition.</summary>
internal sealed class PutNode(NodeStore nodes, NodeNames names, NodeCache cache, NodeHistoryLog history, CheckCode check)
{
    /// <param name="name">Whose.</param>
    /// <param name="document">YAML.</param>
    /// <param name="etag">Version it replaces; empty: create.</param>
    /// <param name="author">Who.</param>
    /// <param name="reason">Why, 1-500 characters.</param>
    /// <param name="checkPuppetserver">Compare it with the code that the puppetserver has.</param>
    /// <param name="allowUnregistered">Also where no node of this name is known, or it has ended.</param>
    /// <param name="onlyValidate">Write nothing.</param>
    /// <param name="cancel">Stops the wait; the write may have happened.</param>
    /// <returns>Null: it was only validated.</returns>
    public async Task<StoredNode?> Run(CertName name, string document, string etag, string author, string reason, bool checkPuppetserver,
        bool allowUnregistered, bool onlyValidate, CancellationToken cancel)
    {
        // 1. a definition that would break an agent's run is refused here
        document = Utf8Text.WithoutMark(document);
        var definition = NodeDefinition.Parse(document);
        if (!onlyValidate && reason.Length is (0 or > 500))
            throw FaultException.Invalid("reason", "must say why, in 1-500 characters");

        // 2. so is one for a name that is most likely a typing error
        if (!allowUnregistered)
            await Check(name, cancel);

        // 3. so is one for which the puppetserver lacks the code, where that is asked for
        await check.Node(name, definition, checkPuppetserver, cancel);
        if (onlyValidate)
            return null;

        // 4. durable, against the version the author saw
        if (await nodes.Put(name, document, etag, cancel) == PutOutcome.Conflict)
        {
            throw etag.Length == 0
                ? new FaultException(FaultKind.AlreadyExists, Reason.AlreadyExists,
                    $"{name} has a definition; give the etag of the version to replace")
                : new FaultException(FaultKind.Conflict, Reason.EtagMismatch, $"{name} was changed by another caller; read it again");
        }

        // 5. history: who and why. (Killed before this, the next "served" entry still keeps the document.)
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

    private async Task Check(CertName name, CancellationToken cancel)
    {
        var problem = await names.Of(name, cancel) switch
        {
            NameStanding.Unknown => "was neither launched nor registered here, and has no certificate",
            NameStanding.Ended => "is terminated, or about to be, and is not classified any more",
            _ => null,
        };
        if (problem is not null)
        {
            throw new FaultException(FaultKind.Precondition, Reason.NodeUnregistered,
                $"{name} {problem}; nothing was stored. Where the definition is meant to be there all the same: --unregistered "
                    + "(allow_unregistered)");
        }
    }
}
