using System.Diagnostics.Metrics;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Instances;

/// <summary>The fleet when metrics are collected: instances by state, by condition, and how old the oldest of each condition is.</summary>
internal sealed class FleetMetrics : IDisposable
{
    // Three gauges are asked one after the other, at most a moment apart: they share a walk.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);
    private static readonly IReadOnlyList<ConditionType> Types =
        [.. Enum.GetValues<ConditionType>().Where(t => t != ConditionType.Unspecified)];
    private static readonly IReadOnlyList<InstanceState> States =
        [.. Enum.GetValues<InstanceState>().Where(s => s is not (InstanceState.Unspecified or InstanceState.Terminated))];

    private readonly Meter meter = new(FlowTelemetry.SourceName);
    private readonly InstanceTable table;
    private readonly TimeProvider clock;
    private volatile Walk? last;

    public FleetMetrics(InstanceTable table, TimeProvider clock)
    {
        (this.table, this.clock) = (table, clock);
        // Every label each time: what is over must fall to 0.
        meter.CreateObservableGauge(FlowTelemetry.Instances, () => Each(States, "state", (w, s) => w.ByState.GetValueOrDefault(s)),
            "{instance}", "instances that have not ended");
        meter.CreateObservableGauge(FlowTelemetry.Conditions, () => Each(Types, "condition", (w, t) => w.ByType.GetValueOrDefault(t).Count),
            "{instance}", "instances with this condition");
        meter.CreateObservableGauge(FlowTelemetry.ConditionAge, () => Each(Types, "condition", (w, t) =>
            w.ByType.TryGetValue(t, out var found) ? Math.Max(0, (clock.GetUtcNow() - found.Oldest).TotalSeconds) : 0), "s",
            "how long the oldest of this condition has lasted");
    }

    public void Dispose() => meter.Dispose();

    // Before it has seen all, what it would say is not so.
    private IEnumerable<Measurement<T>> Each<TKey, T>(IReadOnlyList<TKey> keys, string label, Func<Walk, TKey, T> value)
        where TKey : struct, Enum where T : struct
    {
        if (!table.SeenAll)
            return [];
        var walk = last is { } known && clock.GetElapsedTime(known.At) < Fresh ? known : last = Count();
        return keys.Select(k => new Measurement<T>(value(walk, k), new KeyValuePair<string, object?>(label, EnumWord.Of(k))));
    }

    private Walk Count()
    {
        var walk = new Walk(clock.GetTimestamp(), [], []);
        foreach (var row in table.Rows.All.Where(r => !r.IsOwn))
        {
            walk.ByState[row.State] = walk.ByState.GetValueOrDefault(row.State) + 1;
            foreach (var some in row.Conditions.GroupBy(c => c.Type))
            {
                var (count, oldest) = walk.ByType.GetValueOrDefault(some.Key, (0, DateTimeOffset.MaxValue));
                var since = some.Min(c => c.Since.ToDateTimeOffset());
                walk.ByType[some.Key] = (count + 1, since < oldest ? since : oldest);
            }
        }
        return walk;
    }

    private sealed record Walk(long At, Dictionary<InstanceState, long> ByState,
        Dictionary<ConditionType, (long Count, DateTimeOffset Oldest)> ByType);
}
