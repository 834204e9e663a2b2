using System.Diagnostics.Metrics;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Platform.Tls;

namespace Overture.Platform.Serving;

/// <summary>What every service says of itself when metrics are collected: whether it is ready, and when its certificate ends.</summary>
internal sealed class PlatformMetrics : IDisposable
{
    private readonly Meter meter = new(FlowTelemetry.SourceName);

    public PlatformMetrics(ServingState serving, RegistryConnection registry, PeerCertificates peers)
    {
        meter.CreateObservableGauge<int>(FlowTelemetry.Ready, () => serving.LastReady is { } ready ? [new(ready ? 1 : 0)] : [],
            null, "1 where the service is ready, as its probes found it last");
        meter.CreateObservableGauge(FlowTelemetry.RegistryHealthy, () => registry.Healthy ? 1 : 0, null, "1 where Redis takes writes");
        meter.CreateObservableGauge(FlowTelemetry.Expiry, () => new Measurement<long>(
            new DateTimeOffset(peers.Current.Leaf.NotAfter).ToUnixTimeSeconds(), new KeyValuePair<string, object?>("kind", "tls")),
            "s", "when it ends, in seconds since 1970");
    }

    public void Dispose() => meter.Dispose();
}
