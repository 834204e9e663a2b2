using System.Diagnostics.Metrics;
using Overture.Conductor.V1;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Reconcile;

/// <summary>What comparisons find and mend, as metrics; the only label is the kind of finding.</summary>
internal static class ReconcileMetrics
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Mended = Meter.CreateCounter<long>(FlowTelemetry.Mended, "{finding}", "discrepancies that were mended");
    private static readonly Gauge<long> HeldBack = Meter.CreateGauge<long>(FlowTelemetry.HeldBack, "{finding}", "discrepancies that the last comparison left alone");
    private static readonly Histogram<double> Time = Meter.CreateHistogram<double>(FlowTelemetry.ReconcileTime, "s", "how long a comparison took, mending included");

    private static readonly (FindingKind Kind, KeyValuePair<string, object?> Label)[] Kinds =
    [
        (FindingKind.Lost, new("kind", "lost")),
        (FindingKind.Orphan, new("kind", "orphan")),
        (FindingKind.ZombieCertificate, new("kind", "zombie-certificate")),
        (FindingKind.Ghost, new("kind", "ghost")),
    ];

    /// <summary>A comparison that was to mend is over. One that only tells is no news: it counts nowhere.</summary>
    public static void Compared(IReadOnlyCollection<Finding> findings, TimeSpan took)
    {
        foreach (var (kind, label) in Kinds)
        {
            if (findings.Count(f => f.Kind == kind && f.Done) is var done and > 0)
                Mended.Add(done, label);
            HeldBack.Record(findings.Count(f => f.Kind == kind && !f.Done), label);
        }
        Time.Record(took.TotalSeconds);
    }

    /// <summary>Another Conductor compares: what this one left alone earlier is the other's to tell.</summary>
    public static void NotOurs()
    {
        foreach (var (_, label) in Kinds)
            HeldBack.Record(0, label);
    }
}
