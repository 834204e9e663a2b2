using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Events;

/// <summary>
/// events/checkpoints/: what the log says of every instance up to a number, so that a start reads only what is newer. Further instances are
/// in parts, written first; the checkpoint makes them whole.
/// </summary>
internal sealed class EventCheckpoints(ObjectStore store, Ids ids, TimeProvider clock, ILogger<EventCheckpoints> log)
{
    private const int Kept = 2, InPart = 50_000, MostTrimmed = 2000;

    /// <summary>The last that can be read; null: no Conductor has recorded events in this store.</summary>
    /// <exception cref="UnreadableObjectException">None of them can be read.</exception>
    public async Task<EventCheckpoint?> Last(CancellationToken cancel)
    {
        var keys = await store.List(ObjectKeys.EventCheckpoints, null, cancel).ToListAsync(cancel);
        UnreadableObjectException? damaged = null;
        foreach (var key in Enumerable.Reverse(keys))
        {
            try
            {
                if (await Read(key, cancel) is { } found)
                    return found;
            }
            catch (UnreadableObjectException e)
            {
                damaged = store.Unreadable(e);
                Log.CheckpointUnread(log, e.Message);
            }
        }
        return damaged is null ? null : throw damaged;
    }

    /// <param name="next">The number of the first event that it does not cover.</param>
    /// <param name="instances">What the log says of each.</param>
    /// <param name="endedBefore">Instances that ended before then are left out.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Conflict: there is one of this number.</returns>
    public async Task<PutOutcome> Keep(ulong next, IEnumerable<RecordedInstance> instances, DateTimeOffset endedBefore,
        CancellationToken cancel)
    {
        var whole = new EventCheckpoint
        {
            Schema = 1, WriteId = ids.Unguessable(), At = clock.GetUtcNow().ToTimestamp(), Next = next,
            EndedBefore = endedBefore.ToTimestamp(),
        };
        foreach (var some in instances.Chunk(InPart))
        {
            if (whole.Instances.Count == 0)
            {
                whole.Instances.Add(some);
            }
            else
            {
                var part = PackedRecord.Write(new EventCheckpoint { Schema = 1, Next = next, Instances = { some } });
                await store.PutIfAbsent(ObjectKeys.EventPart(next, whole.WriteId, (int)whole.Parts++), (ReadOnlyMemory<byte>)part, cancel);
            }
        }
        return await store.PutIfAbsent(ObjectKeys.EventCheckpoint(next), (ReadOnlyMemory<byte>)PackedRecord.Write(whole), cancel);
    }

    /// <summary>Removes events that are older than that, and checkpoints before the last but one; some at a time.</summary>
    /// <returns>How many objects of the log.</returns>
    public async Task<int> Trim(TimeSpan keep, CancellationToken cancel)
    {
        var keys = await store.List(ObjectKeys.EventCheckpoints, null, cancel).ToListAsync(cancel);
        if (keys.Count < Kept)
            return 0;
        foreach (var old in keys.SkipLast(Kept))
            await store.Delete(old, cancel);
        // What a start reads again stays.
        var needed = EventLog.NumberOf(keys[^Kept]);
        await foreach (var part in store.List(ObjectKeys.EventParts, null, cancel))
        {
            if (EventLog.Number(part[ObjectKeys.EventParts.Length..].Split('/')[0]) >= needed)
                break;
            await store.Delete(part, cancel);
        }
        var removed = 0;
        await foreach (var key in store.List(ObjectKeys.EventLog, null, cancel))
        {
            if (removed >= MostTrimmed || EventLog.NumberOf(key) >= needed
                || await store.Get<EventBatch>(key, cancel) is not { } batch || clock.GetUtcNow() - batch.At.ToDateTimeOffset() < keep)
            {
                break;
            }
            await store.Delete(key, cancel);
            removed++;
        }
        return removed;
    }

    private async Task<EventCheckpoint?> Read(string key, CancellationToken cancel)
    {
        if (await store.Get(key, cancel) is not { } found)
            return null;
        var whole = PackedRecord.Read(key, found.Body, EventCheckpoint.Parser);
        if (whole.Next == 0 || whole.Next != EventLog.NumberOf(key))
            throw new UnreadableObjectException(key, "is damaged: it is not the checkpoint that its name says");
        for (var i = 0; i < whole.Parts; i++)
        {
            var part = ObjectKeys.EventPart(whole.Next, whole.WriteId, i);
            if (await store.Get(part, cancel) is not { } more)
                throw new UnreadableObjectException(key, $"lacks {part}");
            whole.Instances.Add(PackedRecord.Read(part, more.Body, EventCheckpoint.Parser).Instances);
        }
        return whole.Instances.All(i => CertName.TryParse(i.Certname, out _, out _)) ? whole
            : throw new UnreadableObjectException(key, "is damaged: a certname in it is none");
    }
}
