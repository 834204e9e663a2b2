using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Events;

/// <summary>Events of the log that lie in one object.</summary>
/// <param name="First">The number of the first.</param>
/// <param name="At">When they were written.</param>
internal sealed record LoggedEvents(ulong First, DateTimeOffset At, IReadOnlyList<Event> Events)
{
    /// <summary>The number of the one behind them.</summary>
    public ulong Next => First + (ulong)Events.Count;

    /// <summary>From that number on.</summary>
    public IEnumerable<(ulong Number, Event Event)> From(ulong number) =>
        Events.Select((e, i) => (First + (ulong)i, e)).Where(e => e.Item1 >= number);
}

/// <summary>
/// events/log/: every event, numbered, in objects that are written once. An object is named by the number of its first event, so that of
/// two writers that would go on from the same place one is refused, and the numbers have no gap.
/// </summary>
internal sealed class EventLog(ObjectStore store, Ids ids, TimeProvider clock)
{
    public const int MostInBatch = 500;
    private const int KeptCheckpoints = 2;
    private TaskCompletionSource more = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ulong knownEnd = 1;

    /// <summary>Writes them as the events from <paramref name="next"/> on.</summary>
    /// <returns>Null: another was first, and the log is to be read again from there.</returns>
    public async Task<LoggedEvents?> Append(ulong next, IReadOnlyList<Event> events, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        for (var i = 0; i < events.Count; i++)
            events[i].Cursor = (next + (ulong)i).ToString(CultureInfo.InvariantCulture);
        var batch = new EventBatch { Schema = 1, WriteId = ids.Unguessable(), At = now.ToTimestamp(), Events = { events } };
        if (await store.PutIfAbsent(ObjectKeys.EventBatch(next), batch, cancel) == PutOutcome.Conflict)
            return null;
        var logged = new LoggedEvents(next, now, events);
        Seen(logged.Next);
        Interlocked.Exchange(ref more, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return logged;
    }

    /// <summary>The object that has the event of this number; null: there is none yet, or it is no longer kept.</summary>
    public async Task<LoggedEvents?> Read(ulong number, CancellationToken cancel)
    {
        if (await ReadAt(number, cancel) is { } begins)
            return begins;
        if (number >= Interlocked.Read(ref knownEnd))
            return null;
        // In the middle of an object: of those that begin before, the last.
        var from = number > MostInBatch ? ObjectKeys.EventBatch(number - MostInBatch) : null;
        ulong? last = null;
        await foreach (var key in store.List(ObjectKeys.EventLog, from, cancel))
        {
            if (NumberOf(key) > number)
                break;
            last = NumberOf(key);
        }
        return last is { } found && await ReadAt(found, cancel) is { } batch && batch.Next > number ? batch : null;
    }

    /// <summary>The number of the first event that is kept; that of the next one where none is.</summary>
    public async Task<ulong> First(CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.EventLog, null, cancel))
            return NumberOf(key);
        return await End(cancel);
    }

    /// <summary>The number that the next event will have.</summary>
    public async Task<ulong> End(CancellationToken cancel)
    {
        var end = Interlocked.Read(ref knownEnd);
        await foreach (var key in store.List(ObjectKeys.EventCheckpoints, end > 1 ? ObjectKeys.EventCheckpoint(end) : null, cancel))
            end = Math.Max(end, NumberOf(key));
        await foreach (var key in store.List(ObjectKeys.EventLog, end > 1 ? ObjectKeys.EventBatch(end - 1) : null, cancel))
            end = Math.Max(end, NumberOf(key));
        while (await ReadAt(end, cancel) is { } batch)
            end = batch.Next;
        return end;
    }

    /// <summary>What is the end as far as this process has seen it, without asking.</summary>
    public ulong KnownEnd => Interlocked.Read(ref knownEnd);

    /// <summary>Waits until there may be more: at once where this process writes it, else at most that long.</summary>
    public async Task Wait(TimeSpan most, CancellationToken cancel)
    {
        try
        {
            await Volatile.Read(ref more).Task.WaitAsync(most, clock, cancel);
        }
        catch (TimeoutException)
        {
            // looked at all the same: another Conductor may have written
        }
    }

    /// <summary>The last checkpoint; null: no Conductor has recorded events in this store.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public async Task<EventCheckpoint?> Checkpoint(CancellationToken cancel)
    {
        string? last = null;
        await foreach (var key in store.List(ObjectKeys.EventCheckpoints, null, cancel))
            last = key;
        return last is not null && await store.Get(last, cancel) is { } found
            ? PackedRecord.Read(found.Body, EventCheckpoint.Parser) : null;
    }

    /// <returns>Conflict: there is one of this number.</returns>
    public async Task<PutOutcome> Keep(EventCheckpoint checkpoint, CancellationToken cancel)
    {
        (checkpoint.Schema, checkpoint.WriteId, checkpoint.At) = (1, ids.Unguessable(), clock.GetUtcNow().ToTimestamp());
        return await store.PutIfAbsent(ObjectKeys.EventCheckpoint(checkpoint.Next), (ReadOnlyMemory<byte>)PackedRecord.Write(checkpoint),
            cancel);
    }

    /// <summary>Removes events that are older than that, and checkpoints before the last but one.</summary>
    public async Task Trim(TimeSpan keep, CancellationToken cancel)
    {
        var checkpoints = new List<string>();
        await foreach (var key in store.List(ObjectKeys.EventCheckpoints, null, cancel))
            checkpoints.Add(key);
        if (checkpoints.Count < KeptCheckpoints)
            return;
        foreach (var old in checkpoints.SkipLast(KeptCheckpoints))
            await store.Delete(old, cancel);
        // What a start reads again stays.
        var needed = NumberOf(checkpoints[^KeptCheckpoints]);
        await foreach (var key in store.List(ObjectKeys.EventLog, null, cancel))
        {
            if (NumberOf(key) >= needed || await ReadAt(NumberOf(key), cancel) is not { } batch || clock.GetUtcNow() - batch.At < keep)
                return;
            await store.Delete(key, cancel);
        }
    }

    /// <summary>A cursor as a number; null: it is none.</summary>
    public static ulong? Number(string cursor) =>
        ulong.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private async Task<LoggedEvents?> ReadAt(ulong first, CancellationToken cancel)
    {
        if (await store.Get<EventBatch>(ObjectKeys.EventBatch(first), cancel) is not { } batch)
            return null;
        var logged = new LoggedEvents(first, batch.At?.ToDateTimeOffset() ?? clock.GetUtcNow(), batch.Events);
        Seen(logged.Next);
        return logged;
    }

    private void Seen(ulong end)
    {
        for (var known = Interlocked.Read(ref knownEnd); known < end; known = Interlocked.Read(ref knownEnd))
            Interlocked.CompareExchange(ref knownEnd, end, known);
    }

    private static ulong NumberOf(string key) => Number(key.Split('/')[^1]) ?? 0;
}
