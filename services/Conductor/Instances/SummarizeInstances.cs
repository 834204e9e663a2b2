using Overture.Conductor.V1;

namespace Overture.Conductor.Instances;

/// <summary>Counts instances by state and by condition: of each kind at once.</summary>
internal sealed class SummarizeInstances(InstanceTable table, InstanceList list)
{
    public async Task<SummarizeInstancesResponse> Run(InstanceFilter? filter, CancellationToken cancel)
    {
        var query = new InstanceQuery(filter ?? new InstanceFilter());
        await list.Complete(cancel);
        var (states, conditions) = (new SortedDictionary<InstanceState, int>(), new SortedDictionary<ConditionType, int>());
        var response = new SummarizeInstancesResponse();
        foreach (var (kind, count) in table.Rows.Kinds(query))
        {
            response.Total += count;
            states[kind.State] = states.GetValueOrDefault(kind.State) + count;
            foreach (var type in kind.Types)
                conditions[type] = conditions.GetValueOrDefault(type) + count;
            if (kind.IsHealthy)
                response.Healthy += count;
        }
        response.States.AddRange(states.Select(s => new StateCount { State = s.Key, Count = s.Value }));
        response.Conditions.AddRange(conditions.Select(c => new ConditionCount { Type = c.Key, Count = c.Value }));
        return response;
    }
}
