using System.Diagnostics;
using System.Diagnostics.Metrics;
using Overture.Platform.Faults;
using Overture.Platform.Telemetry;

namespace Overture.Classifier.Classification;

/// <summary>How long classifications take, and what they come to, as a metric.</summary>
internal static class ClassifyMetrics
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Histogram<double> Time =
        Meter.CreateHistogram<double>(FlowTelemetry.ClassifyTime, "s", "duration of a classification");

    /// <summary>It was answered.</summary>
    /// <param name="began">Of <see cref="Stopwatch.GetTimestamp"/>.</param>
    /// <param name="stale">Answered from memory, the store being away.</param>
    public static void Answered(long began, bool stale) => Record(began, stale ? "stale" : "answered");

    /// <summary>It was refused.</summary>
    /// <param name="began">Of <see cref="Stopwatch.GetTimestamp"/>.</param>
    /// <param name="why">Its reason code becomes the outcome: node-unknown, node-blocked.</param>
    public static void Refused(long began, FaultException why) => Record(began, why.Reason.Code().ToLowerInvariant().Replace('_', '-'));

    private static void Record(long began, string outcome) =>
        Time.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, new KeyValuePair<string, object?>("outcome", outcome));
}
