using Microsoft.Extensions.Logging;
using Overture.Conductor.Events;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Webhooks;

/// <summary>What people do with dead letters: list, send once more, delete.</summary>
internal sealed class DeadLetterActs(DeadLetterStore letters, WebhookSet webhooks, ILogger<DeadLetterActs> log)
{
    private const int Most = 1000;

    public async Task<ListDeadLettersResponse> List(string webhook, CancellationToken cancel)
    {
        if (webhook.Length > 0)
            CheckName(webhook);
        var found = await letters.All(webhook, cancel).Take(Most + 1).ToListAsync(cancel);
        return new ListDeadLettersResponse { DeadLetters = { found.Take(Most) }, More = found.Count > Most };
    }

    /// <exception cref="FaultException">INVALID_FIELD: there is no such webhook, or a cursor is none.</exception>
    public async Task<ReplayDeadLettersResponse> Replay(string caller, ReplayDeadLettersRequest request, CancellationToken cancel)
    {
        if (webhooks.Find(request.Webhook) is not { } webhook)
            throw FaultException.Invalid("webhook", $"must be one of the options of this Conductor: {webhooks.NamesText}");
        var asked = await Asked(request.Webhook, request.Cursors, cancel);
        var answer = new ReplayDeadLettersResponse { Left = (uint)asked.Count };
        foreach (var letter in asked)
        {
            var delivery = await webhook.Send(letter.Event, cancel);
            WebhookMetrics.Attempted(webhook.Name, delivery.Outcome);
            if (delivery.Outcome != DeliveryOutcome.Delivered)
            {
                answer.Failure = $"{webhook.Name}, event {letter.Event.Cursor}: {delivery.Cause}";
                break;
            }
            await letters.Remove(letter, cancel);
            (answer.Delivered, answer.Left) = (answer.Delivered + 1, answer.Left - 1);
        }
        Log.LettersHandled(log, caller, (int)answer.Delivered, webhook.Name, "delivered");
        return answer;
    }

    public async Task<DeleteDeadLettersResponse> Delete(string caller, DeleteDeadLettersRequest request, CancellationToken cancel)
    {
        CheckName(request.Webhook);
        var asked = await Asked(request.Webhook, request.Cursors, cancel);
        foreach (var letter in asked)
            await letters.Remove(letter, cancel);
        Log.LettersHandled(log, caller, asked.Count, request.Webhook, "deleted");
        return new DeleteDeadLettersResponse { Deleted = (uint)asked.Count };
    }

    private async Task<IReadOnlyList<DeadLetter>> Asked(string webhook, IReadOnlyCollection<string> cursors, CancellationToken cancel)
    {
        if (cursors.Count > Most)
            throw FaultException.Invalid("cursors", $"must be at most {Most}");
        if (cursors.Count == 0)
            return await letters.All(webhook, cancel).Take(Most).ToListAsync(cancel);
        var found = new List<DeadLetter>();
        foreach (var number in cursors.Select(c => EventLog.Number(c)
            ?? throw FaultException.Invalid("cursors", $"must be cursors of events; {PrintableText.Of(c)} is none")).Distinct().Order())
        {
            found.Add(await letters.Find(webhook, number, cancel)
                ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"event {number} is no dead letter of {webhook}"));
        }
        return found;
    }

    // Also of one that is no longer in the options: its dead letters may still be there.
    private static void CheckName(string webhook)
    {
        if (!WebhookOptions.IsName(webhook))
            throw FaultException.Invalid("webhook", "must be 1-32 of [a-z0-9-]");
    }
}
