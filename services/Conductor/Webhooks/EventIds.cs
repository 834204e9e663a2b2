using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Webhooks;

/// <summary>Ids of events as receivers see them: the store's id and the cursor, so that two deployments share none.</summary>
internal sealed class EventIds(ObjectStore store)
{
    private volatile string? known;

    /// <exception cref="Overture.Platform.Faults.FaultException">The store is away.</exception>
    public async ValueTask<string> Of(Event found, CancellationToken cancel)
    {
        known ??= (await store.Get<StoreId>(ObjectKeys.StoreId, cancel))?.Id;
        return known is { Length: > 0 } id ? $"{id}-{found.Cursor}" : found.Cursor;
    }
}
