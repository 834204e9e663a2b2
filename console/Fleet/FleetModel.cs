using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Console.Services;

namespace Overture.Console.Fleet;

/// <summary>What the fleet's page shows.</summary>
/// <param name="Counts">Of all that the filter matches but for its states and conditions, so that these can be chosen.</param>
/// <param name="Causes">Of the same.</param>
/// <param name="List">A page of those that it matches.</param>
/// <param name="Convergence">Of the first, and of those that were terminated, how long they took.</param>
/// <param name="Trend">Of that, the last day.</param>
/// <param name="Views">Of the console's configuration.</param>
/// <param name="OwnViews">Of this person's browser.</param>
/// <param name="Problems">Of the address.</param>
public sealed record FleetModel(FleetQuery Query, Answer<SummarizeInstancesResponse> Counts, Answer<SummarizeCausesResponse> Causes,
    Answer<ListInstancesResponse> List, Answer<SummarizeConvergenceResponse> Convergence, Trend? Trend, IReadOnlyList<FleetView> Views,
    IReadOnlyList<FleetView> OwnViews, IReadOnlyList<string> Problems)
{
    /// <summary>The fleet's state in one sentence.</summary>
    public string Verdict => Counts.Value is not { } counts ? "The fleet can't be seen now"
        : counts.Total == 0 ? (Query.IsNarrowed ? "No instance is as asked for" : "No instances yet")
        : Causes.Value is not { } causes ? $"{Layout.Say.Count(counts.Healthy)} of {Layout.Say.Count(counts.Total)} instances are well"
        : causes.Broken == 0 ? $"All {Layout.Say.Count(counts.Total)} instances are well or on their way"
        : $"{Layout.Say.Count(causes.Broken)} of {Layout.Say.Count(counts.Total)} instances "
            + (causes.Broken == 1 ? "needs a look" : "need a look");

    /// <summary>The share of each state in a bar of 1,000, in order, each wide enough to be seen.</summary>
    public IReadOnlyList<(InstanceState State, int Count, double From, double Width)> Bar()
    {
        var states = Counts.Value?.States.Where(s => s.Count > 0).ToList() ?? [];
        var sum = states.Sum(s => Math.Max(s.Count, states.Sum(o => o.Count) * 0.012));
        var (from, bar) = (0.0, new List<(InstanceState, int, double, double)>());
        foreach (var state in states)
        {
            var width = Math.Max(state.Count, states.Sum(o => o.Count) * 0.012) / sum * 1000;
            bar.Add((state.State, state.Count, from, width));
            from += width;
        }
        return bar;
    }

    public static IEnumerable<string> Row(Instance i) =>
    [
        i.Certname, InstanceText.State(i.State), InstanceText.ConditionsOf(i), InstanceText.Wrong(i).FirstOrDefault()?.Message ?? "",
        i.Profile, InstanceText.Labels(i), i.Provider, i.InstanceId, i.LaunchedBy, InstanceText.Time(i.CreatedAt),
    ];

    public static readonly string[] Columns =
        ["certname", "state", "conditions", "cause", "profile", "labels", "provider", "instance_id", "launched_by", "created_at"];
}
