using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Explain;

/// <summary>
/// The causes of a fleet: how many instances each keeps from being ready, the worst first. Of each instance it is the first that
/// <see cref="ExplainInstance"/> says, from what is known of all: no record is read for it, and no console, other than of those that are
/// late, which were read when they became so.
/// </summary>
internal sealed class SummarizeCauses(InstanceTable table, InstanceList list, UncollectedCertificates uncollected)
{
    private const int MaxExamples = 3;

    public async Task<SummarizeCausesResponse> Run(InstanceFilter? filter, CancellationToken cancel)
    {
        // 1. those that may have a cause
        var query = new InstanceQuery(filter ?? new InstanceFilter());
        await list.Complete(cancel);
        var response = new SummarizeCausesResponse();
        var some = new List<(InstanceRow Row, InstanceRecords Records)>();
        foreach (var row in table.Rows.All.Where(query.Matches))
        {
            response.Total++;
            if (row.MayHaveCause)
                some.Add((row, row.Records()));
        }

        // 2. of those that are late with their certificate, whether it was fetched
        var unfetched = await uncollected.Find([.. some.Where(s => UncollectedCertificates.IsInDoubt(s.Records, s.Row.Conditions))
            .Select(s => s.Row.Name)]);

        // 3. the first cause of each, counted
        var found = new Dictionary<string, CauseCount>(StringComparer.Ordinal);
        foreach (var (row, records) in some)
        {
            var said = InstanceCauses.Said(records, unfetched.GetValueOrDefault(row.Name));
            if (InstanceCauses.Of(records, row.Conditions, InstanceCauses.Shown(records), said).FirstOrDefault() is not { } first)
                continue;
            response.Broken++;
            Count(found, row.Name, first);
        }
        response.Causes.AddRange(found.Values.OrderByDescending(c => c.Severity).ThenBy(c => c.Type == ConditionType.Unspecified)
            .ThenBy(c => c.Type).ThenByDescending(c => c.Count).ThenBy(c => c.Reason, StringComparer.Ordinal));
        return response;
    }

    private static void Count(Dictionary<string, CauseCount> found, CertName name, FoundCause first)
    {
        var cause = first.Cause;
        if (!found.TryGetValue(cause.Reason, out var count))
        {
            found[cause.Reason] = count = new CauseCount { Type = first.Type, Severity = first.Severity, Reason = cause.Reason,
                Sentence = cause.Sentence, Next = cause.Next, Since = cause.Since };
        }
        count.Count++;
        if (count.Certnames.Count < MaxExamples)
            count.Certnames.Add($"{name}");
        if (Rank(first.Severity, first.Type).CompareTo(Rank(count.Severity, count.Type)) < 0)
            (count.Severity, count.Type) = (first.Severity, first.Type);
        if (cause.Since is not null && (count.Since is null || cause.Since < count.Since))
            (count.Since, count.Next) = (cause.Since, cause.Next);
    }

    // The least is the worst.
    private static (int, bool, ConditionType) Rank(ConditionSeverity severity, ConditionType type) =>
        (-(int)severity, type == ConditionType.Unspecified, type);
}
