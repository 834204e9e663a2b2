using System.Diagnostics.Metrics;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Events;

/// <summary>For how long the log has been behind, of the Conductor that records alone.</summary>
internal sealed class EventMetrics : IDisposable
{
    private readonly Meter meter = new(FlowTelemetry.SourceName);

    public EventMetrics(EventRecorder recorder) => meter.CreateObservableGauge(FlowTelemetry.EventsBehind,
        () => recorder.Behind is { } behind ? [new Measurement<double>(behind.TotalSeconds)] : Array.Empty<Measurement<double>>(), "s",
        "time since all that happened was recorded");

    public void Dispose() => meter.Dispose();
}
