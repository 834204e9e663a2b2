using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Events;
using Overture.Platform.Faults;
using Overture.Records.V1;

namespace Overture.Conductor.Webhooks;

/// <summary>
/// Delivers the log of events to one webhook: those of one instance in their order, those of several at once; then writes down how far it
/// got. What waits, waits in the log: a receiver that is slow or dead costs nothing but its own events.
/// </summary>
internal sealed class WebhookPump(Webhook webhook, EventLog events, WebhookProgress progress, DeadLetterStore letters, TimeProvider clock,
    RandomNumberGenerator random, ILogger log)
{
    private const int AtOnce = 8;
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromMinutes(1),
        StorePause = TimeSpan.FromSeconds(5), LookAgain = TimeSpan.FromSeconds(10);

    private readonly string name = webhook.Name;
    private readonly Lock guard = new();
    private DateTimeOffset? failingSince;
    private long? looked;
    private ulong done, saved;
    private DateTimeOffset? oldest;
    // When the position was written.
    private DateTimeOffset since;
    private volatile bool isGone;
    private bool isWaiting, saidGone;
    private int dead;

    /// <summary>Events that it has not had, as far as is known.</summary>
    public ulong Waiting => events.KnownEnd - 1 > done ? events.KnownEnd - 1 - done : 0;

    /// <summary>How old the oldest of them is.</summary>
    public TimeSpan Age => oldest is { } at && Waiting > 0 ? clock.GetUtcNow() - at : TimeSpan.Zero;

    public int DeadLetters => dead;

    /// <summary>The receiver wants no more events (410).</summary>
    public bool IsGone => isGone;

    /// <summary>Delivers until it is canceled.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                var position = await progress.Load(cancel);
                (saved, done, since) = (position.Done, position.Done, position.At.ToDateTimeOffset());
                dead = await letters.Count(name, cancel);
                if (position.Gone)
                {
                    if (!saidGone)
                        Log.WebhookGone(log, name);
                    isGone = saidGone = true;
                    await Task.Delay(LookAgain, clock, cancel);
                    continue;
                }
                isGone = saidGone = false;
                await events.End(cancel);
                while (await Next(cancel))
                    isWaiting = false;
            }
            catch (Exception e) when (FaultException.Of(e) is { } fault)
            {
                if (!isWaiting)
                    Log.WebhookWaits(log, name, fault.Message);
                isWaiting = true;
                await Task.Delay(StorePause, clock, cancel);
            }
        }
    }

    /// <returns>False: how far it got is to be read again, since another Conductor delivers too, or the receiver is gone.</returns>
    private async Task<bool> Next(CancellationToken cancel)
    {
        var more = events.More;
        if (await events.Read(done + 1, cancel) is not { } batch)
        {
            oldest = null;
            if (!await SkipsGap(cancel))
                await events.Wait(more, LookAgain, cancel);
            return true;
        }
        oldest = batch.At;
        var wanted = batch.From(done + 1).Select(e => e.Event).Where(webhook.Wanted.Matches).ToList();
        // 1. each instance's, in their order
        await Parallel.ForEachAsync(wanted.GroupBy(e => e.Certname),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (some, stop) =>
            {
                var begun = batch.At > since ? batch.At : since;
                foreach (var one in some)
                {
                    await Deliver(one, begun, stop);
                    begun = clock.GetUtcNow();
                }
            });
        // 2. how far it got; what was not wanted may be looked at again
        done = batch.Next - 1;
        if (wanted.Count == 0 && done - saved < EventLog.MostInBatch)
            return true;
        saved = done;
        if (await progress.Save(done, isGone, cancel) is not { } position)
            return false;
        since = position.At.ToDateTimeOffset();
        return !isGone;
    }

    // What else there is to find where the log has no next event: now and then, since each look is a list.
    private async Task<bool> SkipsGap(CancellationToken cancel)
    {
        if (events.KnownEnd <= done + 1 && looked is { } last && clock.GetElapsedTime(last) < LookAgain)
            return false;
        looked = clock.GetTimestamp();
        // 1. dead letters may have been replayed or deleted, at any Conductor
        if (dead > 0)
            dead = await letters.Count(name, cancel);
        // 2. events may be missing
        if (await events.Behind(done + 1, cancel) is not { } later)
            return false;
        Log.EventsExpired(log, name, done + 1, later - 1);
        done = later - 1;
        return true;
    }

    /// <param name="found">To be delivered, or to become a dead letter.</param>
    /// <param name="begun">When its turn came, also at another Conductor.</param>
    /// <param name="cancel">It is another's turn.</param>
    private async Task Deliver(Event found, DateTimeOffset begun, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var delivery = isGone ? new Delivery(DeliveryOutcome.Gone, "an event before it was answered 410") : await Send(found, cancel);
            if (delivery.Outcome == DeliveryOutcome.Delivered)
                return;
            isGone |= delivery.Outcome == DeliveryOutcome.Gone;
            var isOver = delivery.Outcome != DeliveryOutcome.Failed || IsPast(begun) || FailsForLong();
            if (isOver && await Bury(found, attempt, delivery.Cause, cancel))
                return;
            await Task.Delay(Pause(attempt), clock, cancel);
        }
    }

    private bool IsPast(DateTimeOffset begun) => clock.GetUtcNow() - begun >= webhook.Options.GiveUpAfter;

    private bool FailsForLong()
    {
        lock (guard)
            return failingSince is { } first && IsPast(first);
    }

    private async Task<Delivery> Send(Event found, CancellationToken cancel)
    {
        var delivery = await webhook.Send(found, cancel);
        WebhookMetrics.Attempted(name, delivery.Outcome);
        lock (guard)
        {
            if (delivery.Outcome == DeliveryOutcome.Failed)
            {
                if (failingSince is null)
                    Log.WebhookFails(log, name, delivery.Cause);
                failingSince ??= clock.GetUtcNow();
            }
            else if (failingSince is not null)
            {
                failingSince = null;
                Log.WebhookRecovered(log, name);
            }
        }
        return delivery;
    }

    /// <returns>False: there are as many dead letters as may be.</returns>
    private async Task<bool> Bury(Event found, int attempts, string cause, CancellationToken cancel)
    {
        if (dead >= webhook.Options.MaxDeadLetters && (dead = await letters.Count(name, cancel)) >= webhook.Options.MaxDeadLetters)
        {
            Log.WebhookFull(log, name, webhook.Options.MaxDeadLetters);
            return false;
        }
        await letters.Add(name, found, attempts, cause, cancel);
        Interlocked.Increment(ref dead);
        Log.DeadLetter(log, name, found.Cursor, cause);
        return true;
    }

    // Doubles, up to a minute; between half of that and all of it, so that many that failed at once do not come back at once.
    private TimeSpan Pause(int attempt)
    {
        var whole = Math.Min(LongestPause.Ticks, FirstPause.Ticks << Math.Min(attempt - 1, 10));
        Span<byte> bytes = stackalloc byte[4];
        random.GetBytes(bytes);
        return TimeSpan.FromTicks((whole / 2) + (long)(whole / 2 * (BitConverter.ToUInt32(bytes) / (double)uint.MaxValue)));
    }
}
