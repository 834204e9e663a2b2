using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.Conductor.Events;

/// <summary>Follows the log of events, from any Conductor.</summary>
internal sealed class WatchEvents(EventLog events, Drain drain)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    /// <param name="request">From where, and which.</param>
    /// <param name="send">Takes each event.</param>
    /// <param name="cancel">The caller hung up.</param>
    /// <exception cref="FaultException">INVALID_FIELD: a filter or a cursor; SHUTTING_DOWN: to be watched again.</exception>
    public async Task Run(WatchEventsRequest request, Func<Event, Task> send, CancellationToken cancel)
    {
        var rule = new EventFilterRule(request.Filter ?? new EventFilter());
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel, drain.Closing);
        try
        {
            var next = await Begin(request.After, ending.Token);
            while (true)
            {
                if (await events.Read(next, ending.Token) is not { } batch)
                {
                    await events.Wait(LookAgain, ending.Token);
                    continue;
                }
                foreach (var (_, found) in batch.From(next).Where(e => rule.Matches(e.Event)))
                    await send(found);
                next = batch.Next;
            }
        }
        catch (OperationCanceledException) when (drain.Closing.IsCancellationRequested)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "the Conductor is shutting down; watch again");
        }
    }

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
