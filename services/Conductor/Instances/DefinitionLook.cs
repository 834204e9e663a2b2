using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Instances;

/// <summary>What the bucket and the registry say of one instance's definition: now, where a person asks why it is not ready.</summary>
internal sealed class DefinitionLook(ObjectStore store, BrokenDefinitions broken, InstanceTable table, TimeProvider clock)
{
    /// <summary>Notes that it is missing, broken, or neither. A registry that is away changes nothing of what is known.</summary>
    /// <exception cref="FaultException">The store is away.</exception>
    public async Task Run(CertName name, CancellationToken cancel)
    {
        if (table.Rows.Find(name) is not { State: < InstanceState.Terminating } row)
            return;
        var version = await Version(name, cancel);
        var fault = row.BrokenDefinition;
        try
        {
            // Of another version: mended, or broken in another way, which Classifier will say.
            fault = await broken.Find(name) is { } found && found.Version == version ? FaultOf(found) : null;
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            // It is said of the instance: its last runs are unknown then, too.
        }
        if (row.IsUndefined != (version is null) || row.BrokenDefinition != fault)
        {
            DateTimeOffset? since = version is null ? clock.GetUtcNow() : null;
            // Unless a scan has noted something else meanwhile.
            await table.Update(name, r => (r.UndefinedSince is not null) == row.IsUndefined && r.BrokenDefinition == row.BrokenDefinition
                ? r with { UndefinedSince = version is null ? r.UndefinedSince ?? since : null, BrokenDefinition = fault } : r, cancel);
        }
    }

    /// <summary>The ETag of its definition; null: there is none.</summary>
    public async Task<string?> Version(CertName name, CancellationToken cancel)
    {
        try
        {
            return (await store.Get(ObjectKeys.Node(name), cancel))?.ETag;
        }
        catch (UnreadableObjectException e)
        {
            return e.Version;
        }
    }

    /// <summary>As a row keeps it.</summary>
    public static DefinitionFault FaultOf(BrokenDefinition found) => new(found.Version, found.Sentence, found.At);
}
