using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Events;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Webhooks;

/// <summary>
/// events/webhooks/NAME: up to where a webhook has had its events. Replaced by its version, so that of two Conductors that deliver to it
/// one is refused and reads it again.
/// </summary>
internal sealed class WebhookProgress(string webhook, ObjectStore store, EventLog events, Ids ids, TimeProvider clock)
{
    private readonly string key = ObjectKeys.WebhookPosition(webhook);
    private string etag = "";

    /// <summary>The number of the last event that it has had. A new webhook has had all that there are.</summary>
    public async Task<ulong> Load(CancellationToken cancel)
    {
        while (true)
        {
            if (await store.Get(key, cancel) is { } found)
            {
                etag = found.ETag;
                return store.Read<WebhookPosition>(key, found.Body).Done;
            }
            await store.PutIfAbsent(key, Position(await events.End(cancel) - 1), cancel);
        }
    }

    /// <returns>False: another Conductor moved it.</returns>
    public async Task<bool> Save(ulong done, CancellationToken cancel)
    {
        if (await store.PutIfMatch(key, RecordJson.Write(Position(done)), etag, cancel) != PutOutcome.Stored)
            return false;
        etag = (await store.Get(key, cancel))?.ETag ?? "";
        return true;
    }

    private WebhookPosition Position(ulong done) =>
        new() { Schema = 1, WriteId = ids.Unguessable(), At = clock.GetUtcNow().ToTimestamp(), Done = done };
}
