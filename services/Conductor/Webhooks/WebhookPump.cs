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
    private long? failingSince;
    private ulong done, saved;
    private DateTimeOffset? oldest;
    private volatile bool isGone;
    private bool isWaiting;
    private int dead;

    /// <summary>Events that it has not had, as far as is known.</summary>
    public ulong Waiting => events.KnownEnd - 1 > done ? events.KnownEnd - 1 - done : 0;

    /// <summary>How old the oldest of them is.</summary>
    public TimeSpan Age => oldest is { } at && Waiting > 0 ? clock.GetUtcNow() - at : TimeSpan.Zero;

    public int DeadLetters => dead;

    /// <summary>Delivers until it is canceled, or the receiver wants no more.</summary>
    public async Task Run(CancellationToken cancel)
    {
        while (!isGone)
        {
            try
            {
                saved = done = await progress.Load(cancel);
                dead = await letters.Count(name, cancel);
                await events.End(cancel);
                while (!isGone && await Next(cancel))
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
        Log.WebhookGone(log, name);
    }

    /// <returns>False: another Conductor delivers too, and how far it got is to be read again.</returns>
    private async Task<bool> Next(CancellationToken cancel)
    {
        if (await events.Read(done + 1, cancel) is not { } batch)
        {
            oldest = null;
            // some may have been replayed or deleted, at any Conductor
            if (dead > 0)
                dead = await letters.Count(name, cancel);
            if (events.KnownEnd > done + 1 && await events.First(cancel) is var first && first > done + 1)
            {
                Log.EventsExpired(log, name, done + 1, first - 1);
                done = first - 1;
                return true;
            }
            await events.Wait(LookAgain, cancel);
            return true;
        }
        oldest = batch.At;
        var wanted = batch.From(done + 1).Select(e => e.Event).Where(webhook.Wanted.Matches).ToList();
        // 1. each instance's, in their order
        await Parallel.ForEachAsync(wanted.GroupBy(e => e.Certname),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (some, stop) =>
            {
                foreach (var one in some)
                    await Deliver(one, stop);
            });
        // 2. how far it got; what was not wanted may be looked at again
        done = batch.Next - 1;
        if (wanted.Count == 0 && done - saved < EventLog.MostInBatch)
            return true;
        saved = done;
        return await progress.Save(done, cancel);
    }

    private async Task Deliver(Event found, CancellationToken cancel)
    {
        var begun = clock.GetTimestamp();
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

    private bool IsPast(long since) => clock.GetElapsedTime(since) >= webhook.Options.GiveUpAfter;

    private bool FailsForLong()
    {
        lock (guard)
            return failingSince is { } since && IsPast(since);
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
                failingSince ??= clock.GetTimestamp();
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
