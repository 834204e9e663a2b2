using System.Diagnostics.Metrics;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Reports;

/// <summary>Reports as metrics: what they said, and how many wait.</summary>
internal sealed class ReportMetrics : IDisposable
{
    private static readonly Meter Shared = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Reports = Shared.CreateCounter<long>(FlowTelemetry.Reports, "{report}",
        "reports that were worked off");
    private readonly Meter meter = new(FlowTelemetry.SourceName);

    public ReportMetrics(ReportSpool spool) => meter.CreateObservableGauge(
        FlowTelemetry.ReportsWaiting, () => spool.Waiting.Count, "{report}", "reports that were taken and are not worked off");

    /// <param name="outcome">What it came to; null: it made no sense.</param>
    public static void Processed(RunOutcome? outcome) => Reports.Add(1, new KeyValuePair<string, object?>("result", outcome switch
    {
        RunOutcome.Converged => "good",
        RunOutcome.Failed => "failed",
        RunOutcome.Partial => "partial",
        RunOutcome.Ignored => "ignored",
        _ => "refused",
    }));

    public void Dispose() => meter.Dispose();
}
