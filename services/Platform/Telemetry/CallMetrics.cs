using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Overture.Platform.Telemetry;

/// <summary>How long calls to the object store and to Redis take, and whether they succeed.</summary>
internal static class CallMetrics
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Histogram<double> Store =
        Meter.CreateHistogram<double>(FlowTelemetry.StoreTime, "s", "duration of one call to the object store");
    private static readonly Histogram<double> Registry =
        Meter.CreateHistogram<double>(FlowTelemetry.RegistryTime, "s", "duration of one command to Redis");

    /// <param name="operation">"get", "put", "list", "delete".</param>
    /// <param name="call">Whatever it throws counts as failed.</param>
    public static Task<T> OfStore<T>(string operation, Func<Task<T>> call) =>
        Store.Enabled ? Timed(Store, call, new KeyValuePair<string, object?>("operation", operation)) : call();

    public static Task<T> OfRegistry<T>(Func<Task<T>> call) => Registry.Enabled ? Timed(Registry, call) : call();

    private static async Task<T> Timed<T>(Histogram<double> histogram, Func<Task<T>> call, params KeyValuePair<string, object?>[] labels)
    {
        var began = Stopwatch.GetTimestamp();
        var outcome = "failed";
        try
        {
            var answer = await call();
            outcome = "ok";
            return answer;
        }
        finally
        {
            histogram.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, [.. labels, new("outcome", outcome)]);
        }
    }
}
