using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Overture.Platform.Telemetry;

/// <summary>
/// Traces, metrics and logs over OTLP when OTEL_EXPORTER_OTLP_ENDPOINT is set; metrics for Prometheus where that has a listener; logs as
/// JSON lines with trace ids on standard output, always.
/// </summary>
public static class TelemetrySetup
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT", Metrics = "metric exports", Logs = "log lines";

    /// <summary>What the SDK and its exporter read beside; the SDK's limits and batch sizes are left out.</summary>
    public static IReadOnlyList<string> Variables { get; } =
    [
        EndpointVariable, "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER",
        "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_METRIC_EXPORT_INTERVAL",
    ];

    /// <param name="builder">Of the service.</param>
    /// <param name="service">"conductor".</param>
    /// <param name="isScraped">Whether Prometheus has a listener.</param>
    public static void AddTelemetry(this IHostApplicationBuilder builder, string service, bool isScraped)
    {
        builder.Logging.ClearProviders();
        builder.Logging.Configure(o => o.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        builder.Logging.AddJsonConsole(o =>
        {
            o.IncludeScopes = true;
            o.UseUtcTimestamp = true;
            o.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        });
        // The framework says each request at Information; the access log and the spans have it.
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        builder.Logging.AddFilter("Grpc", LogLevel.Warning);
        // A warning for each connection over the limit, thousands a second; the metric kestrel.rejected_connections counts them.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel.Connections", LogLevel.Error);
        // It says what is wrong at each probe; ServingState says it once.
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.Critical);

        var sends = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(EndpointVariable));
        if (!sends)
            AlwaysTrace();
        if (!sends && !isScraped)
            return;
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(r => r.AddService($"overture-{service}", serviceVersion: ServiceVersion.Text))
            .WithMetrics(m => m.AddMeter(FlowTelemetry.SourceName).AddAspNetCoreInstrumentation().AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation().SetExemplarFilter(ExemplarFilterType.TraceBased).AddView(MetricBuckets.Of));
        if (isScraped)
            telemetry.WithMetrics(m => m.AddPrometheusExporter());
        if (sends)
            Send(builder, telemetry);
    }

    private static void Send(IHostApplicationBuilder builder, OpenTelemetryBuilder telemetry)
    {
        builder.Services.AddSingleton<ExportCause>().AddSingleton(p => Watch(p, "spans"));
        builder.Services.AddKeyedSingleton(Metrics, (p, _) => Watch(p, Metrics)).AddKeyedSingleton(Logs, (p, _) => Watch(p, Logs));
        if (Wanted("TRACES"))
        {
            telemetry.WithTracing(t => t.AddSource(FlowTelemetry.SourceName).AddAspNetCoreInstrumentation().AddHttpClientInstrumentation()
                .AddProcessor(p => WatchedSpans.Create(p.GetRequiredService<ExportWatch>())));
        }
        else
        {
            AlwaysTrace();
        }
        if (Wanted("METRICS"))
            telemetry.WithMetrics(m => m.AddReader(p => WatchedMetrics.Reader(p.GetRequiredKeyedService<ExportWatch>(Metrics))));
        if (Wanted("LOGS"))
        {
            telemetry.WithLogging(l => l.AddProcessor(p => WatchedLogs.Create(p.GetRequiredKeyedService<ExportWatch>(Logs))),
                o => (o.IncludeFormattedMessage, o.IncludeScopes) = (true, true));
        }
        builder.Services.AddHostedService<TelemetryEnd>();
    }

    // The SDK's own variable: "none" leaves one of the three out.
    private static bool Wanted(string signal) => Environment.GetEnvironmentVariable($"OTEL_{signal}_EXPORTER") != "none";

    private static ExportWatch Watch(IServiceProvider services, string what) => new(
        what, () => services.GetRequiredService<ExportCause>().Last, services.GetRequiredService<TimeProvider>(),
        services.GetRequiredService<ILogger<ExportWatch>>());

    // Records, timelines and answers carry trace ids even when no collector gets the spans.
    private static void AlwaysTrace()
    {
        if (FlowTelemetry.Source.HasListeners())
            return;
        ActivitySource.AddActivityListener(new ActivityListener
        {
            ShouldListenTo = source => source.Name == FlowTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        });
    }

    // Flushes at the end, and says what was lost.
    private sealed class TelemetryEnd(IServiceProvider services, ExportCause cause) : IHostedService
    {
        // The cause listens from its construction on.
        public Task StartAsync(CancellationToken cancellationToken) => Task.FromResult(cause);

        public Task StopAsync(CancellationToken cancellationToken)
        {
            services.GetService<TracerProvider>()?.ForceFlush(3000);
            services.GetService<MeterProvider>()?.ForceFlush(3000);
            services.GetService<LoggerProvider>()?.ForceFlush(3000);
            services.GetRequiredService<ExportWatch>().Close();
            services.GetRequiredKeyedService<ExportWatch>(Metrics).Close();
            services.GetRequiredKeyedService<ExportWatch>(Logs).Close();
            return Task.CompletedTask;
        }
    }
}

/// <summary>The version that services report.</summary>
public static class ServiceVersion
{
    public static string Text { get; } = typeof(ServiceVersion).Assembly.GetName().Version!.ToString(3);
}
