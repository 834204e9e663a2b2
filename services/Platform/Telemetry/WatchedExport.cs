using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Globalization;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Overture.Platform.Telemetry;

/// <summary>Spans to the collector in batches; what the queue or the collector does not take is counted.</summary>
internal sealed class WatchedSpans(ExportWatch watch, BatchExportProcessorOptions<Activity> batch, WatchedSpans.Exporter sink)
    : BatchActivityExportProcessor(sink, batch.MaxQueueSize, batch.ScheduledDelayMilliseconds, batch.ExporterTimeoutMilliseconds,
        batch.MaxExportBatchSize)
{
    public static WatchedSpans Create(ExportWatch watch) => new(watch, new BatchExportActivityProcessorOptions(), new Exporter(watch));

    // The SDK drops what its queue has no room for and says nothing, so the room is counted here.
    protected override void OnExport(Activity data)
    {
        if (sink.Enter(batch.MaxQueueSize))
            base.OnExport(data);
        else
            watch.Lost(1, $"the queue of {batch.MaxQueueSize} is full");
    }

    internal sealed class Exporter(ExportWatch watch) : OtlpTraceExporter(new OtlpExporterOptions())
    {
        private int waiting;

        public bool Enter(int most)
        {
            if (Interlocked.Increment(ref waiting) <= most)
                return true;
            Interlocked.Decrement(ref waiting);
            return false;
        }

        public override ExportResult Export(in Batch<Activity> activityBatch)
        {
            var count = (int)activityBatch.Count;
            var result = base.Export(activityBatch);
            Interlocked.Add(ref waiting, -count);
            if (result == ExportResult.Success)
                watch.Sent();
            else
                watch.Lost(count);
            return result;
        }
    }
}

/// <summary>Log lines to the collector in batches; batches that it does not take are counted.</summary>
internal sealed class WatchedLogs(OtlpLogExporter inner, ExportWatch watch) : BaseExporter<LogRecord>
{
    public static BaseProcessor<LogRecord> Create(ExportWatch watch)
    {
        var inner = new OtlpLogExporter(new OtlpExporterOptions());
        return new CompositeProcessor<LogRecord>([new BatchLogRecordExportProcessor(new WatchedLogs(inner, watch)), new Attached(inner)]);
    }

    public override ExportResult Export(in Batch<LogRecord> batch)
    {
        var count = (int)batch.Count;
        var result = inner.Export(batch);
        if (result == ExportResult.Success)
            watch.Sent();
        else
            watch.Lost(count);
        return result;
    }

    // The exporter is sealed, so it can't be derived from as the others are. It exports nothing of its own here, and learns by this whose
    // log lines they are (its resource: service.name); and it is shut down with it.
    private sealed class Attached(OtlpLogExporter inner) : SimpleLogRecordExportProcessor(inner)
    {
        protected override void OnExport(LogRecord data)
        {
            // the batch does
        }
    }
}

/// <summary>Metrics to the collector; exports that it does not take are counted.</summary>
internal sealed class WatchedMetrics(ExportWatch watch) : OtlpMetricExporter(new OtlpExporterOptions())
{
    public static PeriodicExportingMetricReader Reader(ExportWatch watch)
    {
        var times = new PeriodicExportingMetricReaderOptions();
        return new PeriodicExportingMetricReader(new WatchedMetrics(watch), times.ExportIntervalMilliseconds ?? 60_000,
            times.ExportTimeoutMilliseconds ?? 30_000);
    }

    public override ExportResult Export(in Batch<Metric> metrics)
    {
        var result = base.Export(metrics);
        if (result == ExportResult.Success)
            watch.Sent();
        else
            watch.Lost(1);
        return result;
    }
}

/// <summary>Learns why an export failed: the exporter's result does not say.</summary>
internal sealed class ExportCause : EventListener
{
    private const int MaxShown = 200;
    private volatile string last = "the exporter does not say why";

    /// <summary>The last cause, on one line.</summary>
    public string Last => last;

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "OpenTelemetry-Exporter-OpenTelemetryProtocol")
            EnableEvents(eventSource, EventLevel.Warning);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        var payload = eventData.Payload ?? new([]);
        // Where there is an exception it is the last, with its stack.
        var text = payload.LastOrDefault() as string is { } exception
            && exception.Contains("Exception", StringComparison.Ordinal) ? exception
            : string.Format(CultureInfo.InvariantCulture, eventData.Message ?? eventData.EventName ?? "", [.. payload]);
        var line = text.Split('\n')[0].Trim();
        last = line.Length > MaxShown ? line[..MaxShown] : line;
    }
}
