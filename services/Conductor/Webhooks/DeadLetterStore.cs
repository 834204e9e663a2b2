using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Events;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Webhooks;

/// <summary>events/dead/: events that webhooks did not take, each until it is replayed or deleted.</summary>
internal sealed class DeadLetterStore(ObjectStore store, Ids ids, TimeProvider clock)
{
    public async Task Add(string webhook, Event found, int attempts, string cause, CancellationToken cancel) =>
        // One that is there already is the same event's: a Conductor was killed before it wrote the position.
        await store.PutIfAbsent(ObjectKeys.DeadLetter(webhook, EventLog.Number(found.Cursor) ?? 0), new DeadLetter
        {
            Schema = 1, WriteId = ids.Unguessable(), At = clock.GetUtcNow().ToTimestamp(), Webhook = webhook, Event = found,
            Attempts = (uint)attempts, Cause = cause,
        }, cancel);

    public async Task<int> Count(string webhook, CancellationToken cancel) =>
        await store.List(ObjectKeys.DeadLettersOf(webhook), null, cancel).CountAsync(cancel);

    /// <summary>Oldest first.</summary>
    /// <param name="webhook">Empty: of all, one after the other.</param>
    /// <param name="cancel">Gives up.</param>
    public async IAsyncEnumerable<DeadLetter> All(string webhook,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var prefix = webhook.Length == 0 ? ObjectKeys.DeadLetters : ObjectKeys.DeadLettersOf(webhook);
        await foreach (var key in store.List(prefix, null, cancel))
        {
            if (await store.Get<DeadLetter>(key, cancel) is { Event: not null } letter)
                yield return letter;
        }
    }

    public async Task<DeadLetter?> Find(string webhook, ulong number, CancellationToken cancel) =>
        await store.Get<DeadLetter>(ObjectKeys.DeadLetter(webhook, number), cancel);

    public Task Remove(DeadLetter letter, CancellationToken cancel) =>
        store.Delete(ObjectKeys.DeadLetter(letter.Webhook, EventLog.Number(letter.Event.Cursor) ?? 0), cancel);
}
