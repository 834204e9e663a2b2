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

    /// <summary>Up to where it has had its events. A new webhook has had all that there are.</summary>
    public async Task<WebhookPosition> Load(CancellationToken cancel)
    {
        while (true)
        {
            if (await store.Get(key, cancel) is { } found)
            {
                etag = found.ETag;
                return store.Read<WebhookPosition>(key, found.Body);
            }
            await store.PutIfAbsent(key, Position(await events.End(cancel) - 1, gone: false), cancel);
        }
    }

    /// <returns>Null: another Conductor moved it.</returns>
    public async Task<WebhookPosition?> Save(ulong done, bool gone, CancellationToken cancel)
    {
        var position = Position(done, gone);
        if (await store.PutIfMatch(key, RecordJson.Write(position), etag, cancel) != PutOutcome.Stored
            || await store.Get(key, cancel) is not { } found || store.Read<WebhookPosition>(key, found.Body).WriteId != position.WriteId)
        {
            return null;
        }
        etag = found.ETag;
        return position;
    }

    /// <summary>A receiver that was gone takes events again.</summary>
    public async Task Revive(CancellationToken cancel)
    {
        if (await Load(cancel) is { Gone: true } position)
            await Save(position.Done, gone: false, cancel);
    }

    private WebhookPosition Position(ulong done, bool gone) =>
        new() { Schema = 1, WriteId = ids.Unguessable(), At = clock.GetUtcNow().ToTimestamp(), Done = done, Gone = gone };
}
