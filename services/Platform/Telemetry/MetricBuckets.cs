using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;

namespace Overture.Platform.Telemetry;

/// <summary>Buckets of our histograms: what takes milliseconds, and what takes minutes. Pure.</summary>
internal static class MetricBuckets
{
    private static readonly double[] Short = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
    private static readonly double[] Long = [1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600, 7200];

    /// <returns>Null: the SDK's own.</returns>
    public static MetricStreamConfiguration? Of(Instrument instrument) => instrument switch
    {
        { Meter.Name: not FlowTelemetry.SourceName } => null,
        { Name: FlowTelemetry.ConvergeTime or FlowTelemetry.StepTime or FlowTelemetry.ReconcileTime } =>
            new ExplicitBucketHistogramConfiguration { Boundaries = Long },
        Histogram<double> => new ExplicitBucketHistogramConfiguration { Boundaries = Short },
        _ => null,
    };
}
