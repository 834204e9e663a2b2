using Microsoft.Extensions.Logging;
using Overture.Conductor.Events;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Webhooks;

/// <summary>What people do with dead letters: list, send once more, delete.</summary>
internal sealed class DeadLetterActs(DeadLetterStore letters, WebhookSet webhooks, WebhookDelivery delivery, TimeProvider clock,
    ILogger<DeadLetterActs> log)
{
    private const int Most = 1000;
    // What an answer takes, before the caller gives up.
    private static readonly TimeSpan ToAnswer = TimeSpan.FromSeconds(2);

    public async Task<ListDeadLettersResponse> List(ListDeadLettersRequest request, CancellationToken cancel)
    {
        if (request.Webhook.Length > 0)
            CheckName(request.Webhook);
        var keys = await letters.Keys(request.Webhook, After(request.After), Most + 1, cancel);
        return new ListDeadLettersResponse
        {
            DeadLetters = { (await letters.Read([.. keys.Take(Most)], cancel)).Select(ShownEvents.Of) }, More = keys.Count > Most,
        };
    }

    /// <exception cref="FaultException">INVALID_FIELD: there is no such webhook, or a cursor is none.</exception>
    public async Task<ReplayDeadLettersResponse> Replay(string caller, ReplayDeadLettersRequest request, DateTimeOffset deadline,
        CancellationToken cancel)
    {
        if (webhooks.Find(request.Webhook) is not { } webhook)
            throw FaultException.Invalid("webhook", $"must be one of the options of this Conductor: {webhooks.NamesText}");
        var keys = await Asked(request.Webhook, request.Cursors, cancel);
        var asked = await letters.Read([.. keys.Take(Most)], cancel);
        var answer = new ReplayDeadLettersResponse { Left = (uint)asked.Count, More = keys.Count > Most };
        foreach (var letter in asked)
        {
            if (IsLate(deadline))
                break;
            var sent = await webhook.Send(letter.Event, cancel);
            WebhookMetrics.Attempted(webhook.Name, sent.Outcome);
            if (sent.Outcome != DeliveryOutcome.Delivered)
            {
                answer.Failure = $"{webhook.Name}, event {letter.Event.Cursor}: {sent.Cause}";
                break;
            }
            // It takes events (again).
            if (answer.Delivered == 0)
                await delivery.ProgressOf(webhook.Name).Revive(cancel);
            await letters.Remove([KeyOf(request.Webhook, letter.Event.Cursor)], cancel);
            (answer.Delivered, answer.Left) = (answer.Delivered + 1, answer.Left - 1);
        }
        Log.LettersHandled(log, caller, (int)answer.Delivered, webhook.Name, "delivered");
        return answer;
    }

    public async Task<DeleteDeadLettersResponse> Delete(string caller, DeleteDeadLettersRequest request, DateTimeOffset deadline,
        CancellationToken cancel)
    {
        CheckName(request.Webhook);
        var answer = new DeleteDeadLettersResponse();
        do
        {
            var keys = await Asked(request.Webhook, request.Cursors, cancel);
            var some = keys.Take(Most).ToList();
            await letters.Remove(some, cancel);
            answer.Deleted += (uint)some.Count;
            answer.More = keys.Count > Most;
        }
        while (answer.More && !IsLate(deadline));
        Log.LettersHandled(log, caller, (int)answer.Deleted, request.Webhook, "deleted");
        return answer;
    }

    private bool IsLate(DateTimeOffset deadline) => deadline - clock.GetUtcNow() < ToAnswer;

    // One more than may be looked at, where there are more.
    private async Task<IReadOnlyList<string>> Asked(string webhook, IReadOnlyCollection<string> cursors, CancellationToken cancel)
    {
        if (cursors.Count > Most)
            throw FaultException.Invalid("cursors", $"must be at most {Most}");
        if (cursors.Count == 0)
            return await letters.Keys(webhook, null, Most + 1, cancel);
        var found = cursors.Select(c => KeyOf(webhook, c)).Distinct().Order(StringComparer.Ordinal).ToList();
        foreach (var key in found)
        {
            if (!await letters.Has(key, cancel))
            {
                throw new FaultException(FaultKind.NotFound, Reason.NotFound,
                    $"event {EventLog.NumberOf(key)} is no dead letter of {webhook}");
            }
        }
        return found;
    }

    private static string KeyOf(string webhook, string cursor) => EventLog.Number(cursor) is { } number
        ? ObjectKeys.DeadLetter(webhook, number)
        : throw FaultException.Invalid("cursors", $"must be cursors of events; {PrintableText.Of(cursor)} is none");

    private static string? After(string after) => after.Length == 0 ? null
        : after.Split('/') is [var webhook, var cursor] && WebhookOptions.IsName(webhook) && EventLog.Number(cursor) is { } number
            ? ObjectKeys.DeadLetter(webhook, number) : throw FaultException.Invalid("after", "must be WEBHOOK/CURSOR, or empty");

    // Also of one that is no longer in the options: its dead letters may still be there.
    private static void CheckName(string webhook)
    {
        if (!WebhookOptions.IsName(webhook))
            throw FaultException.Invalid("webhook", "must be 1-32 of [a-z0-9-]");
    }
}
