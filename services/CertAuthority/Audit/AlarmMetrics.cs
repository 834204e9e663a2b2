using System.Diagnostics.Metrics;
using Overture.Platform.Telemetry;

namespace Overture.CertAuthority.Audit;

/// <summary>What was reported; the metric's only label.</summary>
internal static class AlarmKind
{
    public const string Unrecorded = "unrecorded", StockUnclaimed = "stock-unclaimed", StockAutosign = "stock-autosign";
}

internal static class AlarmMetrics
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Alarms =
        Meter.CreateCounter<long>(FlowTelemetry.Alarms, "{alarm}", "certificates and settings that let in a client without a record");

    public static void FromZero()
    {
        foreach (var kind in new[] { AlarmKind.Unrecorded, AlarmKind.StockUnclaimed, AlarmKind.StockAutosign })
            Alarms.Add(0, new KeyValuePair<string, object?>("kind", kind));
    }

    public static void Count(string kind) => Alarms.Add(1, new KeyValuePair<string, object?>("kind", kind));
}
