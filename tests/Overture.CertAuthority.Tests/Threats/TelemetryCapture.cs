using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Every span with its tags and events, and every measurement with its labels, of all sources of this process.</summary>
internal sealed class TelemetryCapture : IDisposable
{
    private readonly ConcurrentQueue<string> seen = [];
    private readonly ActivityListener spans;
    private readonly MeterListener meters;

    public TelemetryCapture()
    {
        spans = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = Note,
        };
        ActivitySource.AddActivityListener(spans);
        meters = new MeterListener { InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
        meters.SetMeasurementEventCallback<long>(Note);
        meters.SetMeasurementEventCallback<int>(Note);
        meters.SetMeasurementEventCallback<double>(Note);
        meters.Start();
    }

    public string Text => string.Join('\n', seen);

    public void Dispose()
    {
        spans.Dispose();
        meters.Dispose();
    }

    private void Note(Activity span)
    {
        var tags = span.TagObjects.Concat(span.Events.SelectMany(e => e.Tags))
            .Concat(span.Baggage.Select(b => KeyValuePair.Create(b.Key, (object?)b.Value)));
        seen.Enqueue($"{span.DisplayName} {span.StatusDescription} {string.Join(' ', tags)}");
    }

    private void Note<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state) =>
        seen.Enqueue($"{instrument.Name} {value} {string.Join(' ', tags.ToArray())}");
}
