using Overture.Conductor.V1;

namespace Overture.Conductor.Instances;

/// <summary>Counts instances by state and by condition.</summary>
internal sealed class SummarizeInstances(InstanceTable table, InstanceList list)
{
    public async Task<SummarizeInstancesResponse> Run(InstanceFilter? filter, CancellationToken cancel)
    {
        var query = new InstanceQuery(filter ?? new InstanceFilter());
        await list.Complete(cancel);
        var (states, conditions) = (new SortedDictionary<InstanceState, int>(), new SortedDictionary<ConditionType, int>());
        var response = new SummarizeInstancesResponse();
        foreach (var row in table.Rows.All.Where(query.Matches))
        {
            response.Total++;
            states[row.State] = states.GetValueOrDefault(row.State) + 1;
            foreach (var type in row.Conditions.Select(c => c.Type).Distinct())
                conditions[type] = conditions.GetValueOrDefault(type) + 1;
            if (row.State != InstanceState.Terminated && row.Conditions.All(c => c.Severity == ConditionSeverity.Info))
                response.Healthy++;
        }
        response.States.AddRange(states.Select(s => new StateCount { State = s.Key, Count = s.Value }));
        response.Conditions.AddRange(conditions.Select(c => new ConditionCount { Type = c.Key, Count = c.Value }));
        return response;
    }
}
