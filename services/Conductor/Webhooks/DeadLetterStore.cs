using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Events;
using Overture.Platform.Faults;
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

    /// <summary>Oldest first: at most so many, of one webhook or of all, behind this key.</summary>
    public async Task<IReadOnlyList<string>> Keys(string webhook, string? after, int most, CancellationToken cancel) =>
        await store.List(webhook.Length == 0 ? ObjectKeys.DeadLetters : ObjectKeys.DeadLettersOf(webhook), after, cancel).Take(most)
            .ToListAsync(cancel);

    /// <summary>Those that are there and can be read, in the order of their keys.</summary>
    public async Task<IReadOnlyList<DeadLetter>> Read(IReadOnlyList<string> keys, CancellationToken cancel)
    {
        var found = new DeadLetter?[keys.Count];
        await Parallel.ForAsync(0, keys.Count, Parallelism(cancel), async (i, stop) =>
        {
            try
            {
                found[i] = await store.Get<DeadLetter>(keys[i], stop);
            }
            catch (UnreadableObjectException)
            {
                // The store has counted it and said so; it can be deleted by its cursor.
            }
        });
        return [.. found.OfType<DeadLetter>()];
    }

    public Task Remove(IReadOnlyList<string> keys, CancellationToken cancel) =>
        Parallel.ForEachAsync(keys, Parallelism(cancel), async (key, stop) => await store.Delete(key, stop));

    public async Task<bool> Has(string key, CancellationToken cancel) => await store.Get(key, cancel) is not null;

    private static ParallelOptions Parallelism(CancellationToken cancel) =>
        new() { MaxDegreeOfParallelism = 16, CancellationToken = cancel };
}
