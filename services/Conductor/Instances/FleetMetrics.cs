using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Overture.Conductor.V1;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Instances;

/// <summary>The fleet when metrics are collected: instances by state, by condition, and how old the oldest of each condition is.</summary>
internal sealed class FleetMetrics : IHostedService, IDisposable
{
    private readonly Meter meter = new(FlowTelemetry.SourceName);
    private readonly InstanceTable table;
    private readonly TimeProvider clock;

    public FleetMetrics(InstanceTable table, TimeProvider clock)
    {
        (this.table, this.clock) = (table, clock);
        meter.CreateObservableGauge(FlowTelemetry.Instances, ByState, "{instance}", "instances that have not ended");
        meter.CreateObservableGauge(FlowTelemetry.Conditions, ByCondition, "{instance}", "instances with this condition");
        meter.CreateObservableGauge(FlowTelemetry.ConditionAge, Oldest, "s", "how long the oldest of this condition has lasted");
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => meter.Dispose();

    // Before it has seen all, what it would say is not so. Every label each time: what is over must fall to 0.
    private IEnumerable<Measurement<long>> ByState()
    {
        if (!table.SeenAll)
            return [];
        var counts = table.Rows.All.Where(r => !r.IsOwn && r.State != InstanceState.Terminated).CountBy(r => r.State)
            .ToDictionary(c => c.Key, c => c.Value);
        return Enum.GetValues<InstanceState>().Where(s => s is not (InstanceState.Unspecified or InstanceState.Terminated))
            .Select(s => new Measurement<long>(counts.GetValueOrDefault(s), Label("state", StateName(s))));
    }

    private IEnumerable<Measurement<long>> ByCondition()
    {
        if (!table.SeenAll)
            return [];
        var counts = table.Rows.All.Where(r => !r.IsOwn).SelectMany(r => r.Conditions.Select(c => c.Type).Distinct()).CountBy(t => t)
            .ToDictionary(c => c.Key, c => c.Value);
        return Types.Select(t => new Measurement<long>(counts.GetValueOrDefault(t), Label("condition", Name($"{t}"))));
    }

    private IEnumerable<Measurement<double>> Oldest()
    {
        if (!table.SeenAll)
            return [];
        var now = clock.GetUtcNow();
        var oldest = table.Rows.All.Where(r => !r.IsOwn).SelectMany(r => r.Conditions).GroupBy(c => c.Type)
            .ToDictionary(g => g.Key, g => g.Min(c => c.Since.ToDateTimeOffset()));
        return Types.Select(t => new Measurement<double>(
            oldest.TryGetValue(t, out var since) ? Math.Max(0, (now - since).TotalSeconds) : 0, Label("condition", Name($"{t}"))));
    }

    private static IEnumerable<ConditionType> Types => Enum.GetValues<ConditionType>().Where(t => t != ConditionType.Unspecified);

    private static string StateName(InstanceState state) => Name($"{state}");

    // "CsrHeld" is "csr-held", as everywhere.
    private static string Name(string word) =>
        string.Concat(word.Select((c, i) => char.IsAsciiLetterUpper(c) ? $"{(i > 0 ? "-" : "")}{char.ToLowerInvariant(c)}" : $"{c}"));

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}
