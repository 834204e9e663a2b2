using Overture.Classifier.Documents;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Edits;

/// <summary>Deletes a definition; the history keeps it, as it does at the end of an instance.</summary>
internal sealed class DeleteNode(ObjectStore store, NodeStore nodes, NodeNames names, NodeCache cache, NodeHistoryLog history)
{
    /// <param name="name">Whose.</param>
    /// <param name="etag">Version to delete.</param>
    /// <param name="author">Who.</param>
    /// <param name="reason">Why, 1-500 characters.</param>
    /// <param name="force">Also that of an instance that has not ended.</param>
    /// <param name="cancel">Stops the wait; it may have happened.</param>
    /// <returns>Id of the entry in the history.</returns>
    public async Task<string> Run(CertName name, string etag, string author, string reason, bool force, CancellationToken cancel)
    {
        // 1. the version that the author saw
        if (reason.Length is 0 or > 500)
            throw FaultException.Invalid("reason", "must say why, in 1-500 characters");
        if (etag.Length == 0)
            throw FaultException.Invalid("etag", "must be the version to delete, as GetNode or ListDefinitions gives it");
        var (body, version) = await Stored(name, cancel);
        if (version != etag)
            throw Changed(name);

        // 2. of a node that does not need it any more
        if (!force && await IsInUse(name, cancel))
        {
            throw new FaultException(FaultKind.Precondition, Reason.NodeInUse,
                $"{name} has not ended, and without a definition it is not classified: the layers alone are no answer, and its runs fail. "
                    + "Next: overture instance terminate, which archives the definition; or --force");
        }

        // 3. kept first; tried again after a crash, it is kept already
        var (document, why) = Text(body, reason);
        var id = await history.Archive(name, version, document, author, why, cancel);
        CrashPoint.Reach("node.archived");

        // 4. gone, unless it was changed meanwhile. (An edit after this look is in the history, where it came by this service.)
        if ((await Stored(name, cancel)).Version != etag)
            throw Changed(name);
        await store.Delete(ObjectKeys.Node(name), cancel);
        cache.Forget(name);
        return id;
    }

    // One that is larger than any definition was never served: its bytes are not kept.
    private async Task<(byte[]? Body, string Version)> Stored(CertName name, CancellationToken cancel)
    {
        try
        {
            return await store.Get(ObjectKeys.Node(name), cancel) is { } found ? (found.Body, found.ETag)
                : throw new FaultException(FaultKind.NotFound, Reason.NodeUnknown, $"no definition of {name}");
        }
        catch (UnreadableObjectException e)
        {
            return (null, e.Version);
        }
    }

    // A name without a launch has no end: a block (revoked, quarantined) says that it is not classified anyway.
    private async Task<bool> IsInUse(CertName name, CancellationToken cancel) => await names.Of(name, cancel) switch
    {
        NameStanding.Launched => true,
        NameStanding.Certified => await nodes.Obstacle(name, cancel) is null,
        _ => false,
    };

    // As at the end of an instance: what is not UTF-8 is kept byte for byte as Latin-1, and marked as such.
    private static (string Document, string Reason) Text(byte[]? body, string why)
    {
        if (body is null)
            return ("", $"{why} (its definition was too large to be read, and is not kept)");
        try
        {
            return (Utf8Text.Read(body), why);
        }
        catch (NotUtf8Exception e)
        {
            return (System.Text.Encoding.Latin1.GetString(body), $"{why} (its definition {e.Message}; kept as Latin-1)");
        }
    }

    private static FaultException Changed(CertName name) =>
        new(FaultKind.Conflict, Reason.EtagMismatch, $"{name} was changed by another caller; read it again");
}
