using System.Globalization;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Serving;

namespace Overture.Conductor.Events;

/// <summary>Follows the log of events, from any Conductor.</summary>
internal sealed class WatchEvents(EventLog events, Drain drain, TimeProvider clock)
{
    private const int MostStreams = 200;
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1), Beat = TimeSpan.FromSeconds(15);
    private int streams;

    /// <param name="request">From where, and which.</param>
    /// <param name="send">Takes each event, and where the watch has come to.</param>
    /// <param name="cancel">The caller hung up.</param>
    /// <exception cref="FaultException">
    /// INVALID_FIELD: a filter or a cursor; RATE_LIMITED: too many watch; SHUTTING_DOWN: to be watched again.
    /// </exception>
    public async Task Run(WatchEventsRequest request, Func<WatchEventsResponse, Task> send, CancellationToken cancel)
    {
        var rule = new EventFilterRule(request.Filter ?? new EventFilter());
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel, drain.Closing);
        try
        {
            if (Interlocked.Increment(ref streams) > MostStreams)
            {
                throw new FaultException(FaultKind.Unavailable, Reason.RateLimited,
                    $"{MostStreams} callers watch events at this Conductor; try again, or another one");
            }
            await Follow(await Begin(request.After, ending.Token), rule, send, ending.Token);
        }
        catch (OperationCanceledException) when (drain.Closing.IsCancellationRequested)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "the Conductor is shutting down; watch again");
        }
        finally
        {
            Interlocked.Decrement(ref streams);
        }
    }

    private async Task Follow(ulong next, EventFilterRule rule, Func<WatchEventsResponse, Task> send, CancellationToken cancel)
    {
        // 1. where it begins, so that a caller that sees nothing knows it too
        await send(new WatchEventsResponse { Cursor = Cursor(next) });
        var (said, beat) = (next, clock.GetTimestamp());
        while (true)
        {
            // 2. what is wanted
            var more = events.More;
            var batch = await events.Read(next, cancel);
            foreach (var (number, found) in batch?.From(next).Where(e => rule.Matches(e.Event)) ?? [])
            {
                await send(new WatchEventsResponse { Event = ShownEvents.Of(found), Cursor = found.Cursor });
                said = number + 1;
            }
            // 3. now and then, how far it looked
            var isDue = clock.GetElapsedTime(beat) >= Beat;
            next = batch?.Next ?? (isDue || events.KnownEnd > next ? await events.Behind(next, cancel) : null) ?? next;
            if (isDue)
            {
                beat = clock.GetTimestamp();
                if (said != next)
                    await send(new WatchEventsResponse { Cursor = Cursor(said = next) });
            }
            if (batch is null)
                await events.Wait(more, LookAgain, cancel);
        }
    }

    private static string Cursor(ulong next) => (next - 1).ToString(CultureInfo.InvariantCulture);

    private async Task<ulong> Begin(string after, CancellationToken cancel)
    {
        if (after.Length == 0)
            return await events.End(cancel);
        if (EventLog.Number(after) is not { } cursor)
            throw FaultException.Invalid("after", "must be the cursor of an event, 0, or empty");
        var (first, end) = (await events.First(cancel), await events.End(cancel));
        if (cursor >= end)
            throw FaultException.Invalid("after", $"is a cursor that there is not yet: the last event has {end - 1}");
        if (cursor > 0 && cursor + 1 < first)
        {
            throw FaultException.Invalid("after",
                $"is a cursor whose next events are no longer kept (events.keep): the first that is has {first}; begin with 0, or empty");
        }
        return Math.Max(first, cursor + 1);
    }
}
