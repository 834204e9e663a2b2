using System.Diagnostics.Metrics;
using Overture.Conductor.V1;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Reconcile;

/// <summary>What comparisons find and repair, as metrics; the only label is the kind of finding.</summary>
internal static class ReconcileMetrics
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Repaired =
        Meter.CreateCounter<long>(FlowTelemetry.Repaired, "{finding}", "discrepancies that were repaired");
    private static readonly Counter<long> OldName =
        Meter.CreateCounter<long>(FlowTelemetry.Mended, "{finding}", "overture.reconcile.repaired under its old name");
    private static readonly Gauge<long> HeldBack =
        Meter.CreateGauge<long>(FlowTelemetry.HeldBack, "{finding}", "discrepancies that the last comparison did not repair");
    private static readonly Histogram<double> Time =
        Meter.CreateHistogram<double>(FlowTelemetry.ReconcileTime, "s", "duration of a comparison, repairs included");

    private static readonly (FindingKind Kind, KeyValuePair<string, object?> Label)[] Kinds =
    [
        (FindingKind.Lost, new("kind", "lost")),
        (FindingKind.Orphan, new("kind", "orphan")),
        (FindingKind.ZombieCertificate, new("kind", "zombie-certificate")),
        (FindingKind.Ghost, new("kind", "ghost")),
    ];

    /// <summary>A repairing comparison is over. One that only reports is not counted.</summary>
    public static void Compared(IReadOnlyCollection<Finding> findings, TimeSpan took)
    {
        foreach (var (kind, label) in Kinds)
        {
            var done = findings.Count(f => f.Kind == kind && f.Done);
            Repaired.Add(done, label);
            OldName.Add(done, label);
            HeldBack.Record(findings.Count(f => f.Kind == kind && !f.Done), label);
        }
        Time.Record(took.TotalSeconds);
    }

    /// <summary>Another Conductor compares: what this one left alone is now in the other's metrics.</summary>
    public static void NotOurs()
    {
        foreach (var (_, label) in Kinds)
            HeldBack.Record(0, label);
    }
}
