using System.Collections.Concurrent;
using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.EndToEnd.Tests.Otlp;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>A span as it arrived.</summary>
public sealed record ReceivedSpan(string Service, string Name, string TraceId, string SpanId, string ParentId, DateTimeOffset Start,
    DateTimeOffset End)
{
    /// <summary>Those that are texts or whole numbers, as text.</summary>
    public IReadOnlyDictionary<string, string> Attributes { get; init; } = new Dictionary<string, string>();

    public bool IsError { get; init; }
}

/// <summary>A log line as it arrived.</summary>
public sealed record ReceivedLine(string Service, string Text, string TraceId);

/// <summary>Receives real OTLP over gRPC, as a collector would.</summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Collected collected = new();

    private OtlpReceiver(int port)
    {
        Port = port;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(collected);
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.Protocols = HttpProtocols.Http2));
        app = builder.Build();
        app.MapGrpcService<TraceApi>();
        app.MapGrpcService<LogsApi>();
        app.MapGrpcService<MetricsApi>();
    }

    public int Port { get; }

    public static async Task<OtlpReceiver> Start()
    {
        var receiver = new OtlpReceiver(FreePort.Next());
        await receiver.app.StartAsync();
        return receiver;
    }

    public IReadOnlyList<ReceivedSpan> Trace(string traceId) => collected.Spans.Where(s => s.TraceId == traceId).ToList();

    /// <summary>Whether a service sent a span that began then or later.</summary>
    public bool Sent(string service, DateTimeOffset since) => collected.Spans.Any(s => s.Service == service && s.Start >= since);

    /// <summary>Every log line so far.</summary>
    public IReadOnlyList<ReceivedLine> Lines => [.. collected.Lines];

    /// <summary>Names of the metrics that a service sent so far.</summary>
    public IReadOnlySet<string> Metrics(string service) =>
        collected.Metrics.Where(m => m.Key.Service == service).Select(m => m.Key.Name).ToHashSet();

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private sealed class Collected
    {
        public ConcurrentBag<ReceivedSpan> Spans { get; } = [];
        public ConcurrentBag<ReceivedLine> Lines { get; } = [];
        public ConcurrentDictionary<(string Service, string Name), bool> Metrics { get; } = new();
    }

    private static string ServiceOf(Resource resource) =>
        resource.Attributes.FirstOrDefault(a => a.Key == "service.name")?.Value.StringValue ?? "";

    private static string Hex(Google.Protobuf.ByteString bytes) => Convert.ToHexStringLower(bytes.Span);

    private sealed class LogsApi(Collected collected) : LogsService.LogsServiceBase
    {
        public override Task<ExportLogsServiceResponse> Export(ExportLogsServiceRequest request, ServerCallContext context)
        {
            foreach (var resource in request.ResourceLogs)
            {
                foreach (var line in resource.ScopeLogs.SelectMany(s => s.LogRecords))
                    collected.Lines.Add(new ReceivedLine(ServiceOf(resource.Resource), line.Body?.StringValue ?? "", Hex(line.TraceId)));
            }
            return Task.FromResult(new ExportLogsServiceResponse());
        }
    }

    private sealed class MetricsApi(Collected collected) : MetricsService.MetricsServiceBase
    {
        public override Task<ExportMetricsServiceResponse> Export(ExportMetricsServiceRequest request, ServerCallContext context)
        {
            foreach (var resource in request.ResourceMetrics)
            {
                foreach (var metric in resource.ScopeMetrics.SelectMany(s => s.Metrics))
                    collected.Metrics[(ServiceOf(resource.Resource), metric.Name)] = true;
            }
            return Task.FromResult(new ExportMetricsServiceResponse());
        }
    }

    private sealed class TraceApi(Collected collected) : TraceService.TraceServiceBase
    {
        public override Task<ExportTraceServiceResponse> Export(ExportTraceServiceRequest request, ServerCallContext context)
        {
            foreach (var resource in request.ResourceSpans)
            {
                var service = ServiceOf(resource.Resource);
                foreach (var span in resource.ScopeSpans.SelectMany(s => s.Spans))
                {
                    collected.Spans.Add(new ReceivedSpan(
                        service, span.Name, Hex(span.TraceId), Hex(span.SpanId), Hex(span.ParentSpanId), At(span.StartTimeUnixNano),
                        At(span.EndTimeUnixNano))
                    {
                        Attributes = span.Attributes.ToDictionary(a => a.Key, a => a.Value.HasIntValue
                            ? $"{a.Value.IntValue}" : a.Value.StringValue),
                        IsError = span.Status?.Code == 2,
                    });
                }
            }
            return Task.FromResult(new ExportTraceServiceResponse());
        }

        private static DateTimeOffset At(ulong nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks((long)(nanoseconds / 100));
    }
}
