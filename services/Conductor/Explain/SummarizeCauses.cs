using Overture.Conductor.Instances;
using Overture.Conductor.V1;

namespace Overture.Conductor.Explain;

/// <summary>The causes of a fleet: how many instances each keeps from being ready, the worst first.</summary>
internal sealed class SummarizeCauses(InstanceTable table, InstanceList list)
{
    private const int MaxExamples = 3;

    public async Task<SummarizeCausesResponse> Run(InstanceFilter? filter, CancellationToken cancel)
    {
        var query = new InstanceQuery(filter ?? new InstanceFilter());
        await list.Complete(cancel);
        var found = new Dictionary<(ConditionType, string), CauseCount>();
        var response = new SummarizeCausesResponse();
        foreach (var row in table.Rows.All.Where(query.Matches))
        {
            response.Total++;
            if (row.Conditions.FirstOrDefault(c => c.Severity > ConditionSeverity.Info) is not { } first)
                continue;
            response.Broken++;
            var cause = CauseRules.Of($"{row.Name}", first)!;
            var key = (first.Type, cause.Reason);
            if (!found.TryGetValue(key, out var count))
            {
                found[key] = count = new CauseCount { Type = first.Type, Severity = first.Severity, Reason = cause.Reason,
                    Sentence = cause.Sentence, Next = cause.Next, Since = cause.Since };
            }
            count.Count++;
            if (count.Certnames.Count < MaxExamples)
                count.Certnames.Add($"{row.Name}");
            if (cause.Since < count.Since)
                (count.Since, count.Next) = (cause.Since, cause.Next);
        }
        response.Causes.AddRange(found.Values.OrderByDescending(c => c.Severity).ThenBy(c => c.Type).ThenByDescending(c => c.Count)
            .ThenBy(c => c.Reason, StringComparer.Ordinal));
        return response;
    }
}
