using System.Diagnostics.Metrics;
using Overture.Platform.Telemetry;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>What was limited; the metric's only label.</summary>
internal static class LimitKind
{
    public const string Csr = "csr", Certificate = "certificate", Renewal = "renewal", Address = "address", Slow = "slow";
}

internal static class LimitMetrics
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Limited =
        Meter.CreateCounter<long>(FlowTelemetry.Limited, "{request}", "requests and connections rejected or ended by a limit");

    public static void FromZero()
    {
        foreach (var kind in new[] { LimitKind.Csr, LimitKind.Certificate, LimitKind.Renewal, LimitKind.Address, LimitKind.Slow })
            Limited.Add(0, new KeyValuePair<string, object?>("kind", kind));
    }

    public static void Count(string kind) => Limited.Add(1, new KeyValuePair<string, object?>("kind", kind));
}
