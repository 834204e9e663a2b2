using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;
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
    private const int Kept = 16;
    private readonly Lock guard = new();
    private readonly LinkedList<LoggedEvents> last = new();
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
        Seen(logged);
        Interlocked.Exchange(ref more, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return logged;
    }

    /// <summary>The object that has the event of this number; null: there is none yet, or it is no longer kept.</summary>
    public async Task<LoggedEvents?> Read(ulong number, CancellationToken cancel)
    {
        if (Known(number) is { } known)
            return known;
        if (await ReadAt(number, cancel) is { } begins)
            return begins;
        if (number >= Interlocked.Read(ref knownEnd))
            return null;
        // In the middle of an object: of those that begin before, the last.
        var from = number > MostInBatch ? ObjectKeys.EventBatch(number - MostInBatch) : null;
        ulong? before = null;
        await foreach (var key in store.List(ObjectKeys.EventLog, from, cancel))
        {
            if (NumberOf(key) > number)
                break;
            before = NumberOf(key);
        }
        return before is { } found && await ReadAt(found, cancel) is { } batch && batch.Next > number ? batch : null;
    }

    /// <summary>The number of the first event that is kept; that of the next one where none is.</summary>
    public async Task<ulong> First(CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.EventLog, null, cancel))
            return NumberOf(key);
        return await End(cancel);
    }

    /// <summary>
    /// The first number behind a gap: where there is no event of this number, and there are later ones, those between are no longer kept or
    /// were removed. Null: there are no later ones.
    /// </summary>
    public async Task<ulong?> Behind(ulong number, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.EventLog, ObjectKeys.EventBatch(number), cancel))
        {
            var later = NumberOf(key);
            Raise(later);
            // Two may have been written since it was looked for.
            return await Read(number, cancel) is null ? later : null;
        }
        return null;
    }

    /// <summary>The number that the next event will have.</summary>
    /// <exception cref="UnreadableObjectException">The last object is damaged.</exception>
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

    /// <summary>Ends when this process writes more; to be taken before the log is read, so that nothing comes between.</summary>
    public Task More => Volatile.Read(ref more).Task;

    /// <summary>Waits until there may be more: at once where this process writes it, else at most that long.</summary>
    public async Task Wait(Task written, TimeSpan most, CancellationToken cancel)
    {
        try
        {
            await written.WaitAsync(most, clock, cancel);
        }
        catch (TimeoutException)
        {
            // looked at all the same: another Conductor may have written
        }
    }

    /// <summary>A cursor as a number; null: it is none.</summary>
    public static ulong? Number(string cursor) =>
        ulong.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private async Task<LoggedEvents?> ReadAt(ulong first, CancellationToken cancel)
    {
        if (await store.Get<EventBatch>(ObjectKeys.EventBatch(first), cancel) is not { } batch)
            return null;
        var logged = new LoggedEvents(first, batch.At.ToDateTimeOffset(), batch.Events);
        Seen(logged);
        return logged;
    }

    // Webhooks and watchers read the end of the log at about the same time.
    private LoggedEvents? Known(ulong number)
    {
        lock (guard)
            return last.FirstOrDefault(l => l.First <= number && number < l.Next);
    }

    private void Seen(LoggedEvents logged)
    {
        lock (guard)
        {
            last.AddFirst(logged);
            if (last.Count > Kept)
                last.RemoveLast();
        }
        Raise(logged.Next);
    }

    private void Raise(ulong end)
    {
        for (var known = Interlocked.Read(ref knownEnd); known < end; known = Interlocked.Read(ref knownEnd))
            Interlocked.CompareExchange(ref knownEnd, end, known);
    }

    internal static ulong NumberOf(string key) => Number(key.Split('/')[^1]) ?? 0;
}
