using Overture.CertAuthority.Audit;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Records.V1;

namespace Overture.CertAuthority.Queries;

/// <summary>
/// Audit records over all replicas, newest first. Each stream is read from its end, and no further than the list needs, so the newest 100
/// of a log of a year cost a few batches.
/// </summary>
internal sealed class ListAuditRecords(ObjectStore store, AuditLog audit, AuditReaders readers)
{
    private const int Together = 100, MaxLimit = 1_000_000, MaxText = 200;

    /// <param name="request">What is wanted.</param>
    /// <param name="give">Takes each answer.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task Run(ListAuditRecordsRequest request, Func<ListAuditRecordsResponse, Task> give, CancellationToken cancel)
    {
        if (request.Limit is < 0 or > MaxLimit)
            throw FaultException.Invalid("limit", $"must be 1-{MaxLimit}; 0 means all");
        Check("name_prefix", request.NamePrefix);
        Check("action", request.Action);
        Check("actor", request.Actor);

        var since = MessageTimes.Read(request.Since, "since");
        using var seat = await readers.Enter(cancel);

        // 1. what waits here in the log, too
        await audit.Flushed(cancel);
        var tails = await Tails(request, since, cancel);

        // 2. always the stream whose next record may be the newest
        var (answer, given) = (new ListAuditRecordsResponse(), 0);
        while ((request.Limit == 0 || given < request.Limit) && Next(tails) is { } tail)
        {
            if (tail.Newest is null)
            {
                await tail.Load(cancel);
                continue;
            }
            answer.Records.Add(tail.Take());
            given++;
            if (answer.Records.Count == Together)
            {
                await give(answer);
                answer = new ListAuditRecordsResponse();
            }
        }

        // 3. whether that was all
        answer.More = tails.Any(t => t.IsOpen);
        answer.Unreadable = tails.Sum(t => t.Unreadable);
        await give(answer);
    }

    private static AuditTail? Next(IReadOnlyList<AuditTail> tails) =>
        tails.Where(t => t.IsOpen).MaxBy(t => t.Newest is { } record ? AuditTail.At(record) : t.Reached);

    private async Task<IReadOnlyList<AuditTail>> Tails(ListAuditRecordsRequest request, DateTimeOffset? since, CancellationToken cancel)
    {
        var keys = await AuditObjects.List(store, ObjectKeys.AuditStreams, null, cancel);
        return [.. keys.GroupBy(k => k[..(k.LastIndexOf('/') + 1)], StringComparer.Ordinal)
            .Select(g => new AuditTail(store, [.. g], text => Wanted(text, request), since))];
    }

    // The text first: parsing all of a log to find a few would take minutes. In it, such letters are spelled as they are.
    private static AuditRecord? Wanted(string text, ListAuditRecordsRequest filter) =>
        MayHold(text, filter.NamePrefix) && MayHold(text, filter.Action) && AuditTail.Any(text) is { } record
            && HasName(record, filter.NamePrefix) && HasAction(record, filter.Action)
            && record.Actor.Contains(filter.Actor, StringComparison.Ordinal) ? record : null;

    private static bool MayHold(string text, string part) =>
        !part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') || text.Contains(part, StringComparison.Ordinal);

    private static bool HasName(AuditRecord record, string prefix) => prefix.Length == 0
        || record.Certname.StartsWith(prefix, StringComparison.Ordinal) || record.AskedName.StartsWith(prefix, StringComparison.Ordinal)
        || record.Names.Any(n => n.StartsWith(prefix, StringComparison.Ordinal));

    private static bool HasAction(AuditRecord record, string action) => action.Length == 0 || record.Action == action
        || (record.Action.StartsWith(action, StringComparison.Ordinal) && record.Action[action.Length] == '.');

    private static void Check(string field, string text)
    {
        if (text.Length > MaxText)
            throw FaultException.Invalid(field, $"must have at most {MaxText} characters");
    }
}
