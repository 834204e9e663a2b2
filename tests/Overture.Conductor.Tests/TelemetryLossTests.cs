using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Grpc.Health.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A collector that takes nothing for a while.</summary>
[Trait("Category", "integration")]
public sealed class TelemetryLossTests : IDisposable
{
    private readonly ConductorFixture world = new();
    private volatile int status = StatusCodes.Status507InsufficientStorage;
    private int taken, refused;

    [Fact]
    public async Task Otlp_SinkIsFull_OneWarningAndOneLineWhenItTakesSpansAgain()
    {
        var port = FreePort.Next();
        await using var collector = await Collector();
        await using var conductor = world.StartProcess(port, new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.Single(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
        });
        using var channel = world.Pki.Channel(port, "viewer");
        var health = new Health.HealthClient(channel);
        await Eventually.True(() => ConductorFixture.Serves(health), "it serves");
        await Eventually.True(async () => await ConductorFixture.Serves(health) && Volatile.Read(ref refused) > 2,
            "several exports are refused");
        status = StatusCodes.Status200OK;
        await Eventually.True(async () => await ConductorFixture.Serves(health) && Volatile.Read(ref taken) > 1, "exports are taken");
        await conductor.Terminate();
        await conductor.Ended(TimeSpan.FromSeconds(90));
        var printed = (await conductor.Printed()).Split('\n');
        Assert.Contains("507", Assert.Single(printed, l => l.Contains(" spans could not be sent", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        Assert.Matches("spans are accepted again; [1-9][0-9]* were lost in",
            Assert.Single(printed, l => l.Contains("spans are accepted again", StringComparison.Ordinal)));
    }

    // A collector that bounds its memory, or has a batch that is too large for it, answers so.
    [Fact]
    public async Task Otlp_ResourceExhausted_OneWarning_AndMemoryStaysFlat()
    {
        var (port, asked) = (FreePort.Next(), 0);
        await using var collector = await Exhausted(() => Interlocked.Increment(ref asked));
        await using var conductor = world.StartProcess(port, new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.Single(),
            ["OTEL_BSP_SCHEDULE_DELAY"] = "100", ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
        });
        using var channel = world.Pki.Channel(port, "viewer");
        var health = new Health.HealthClient(channel);
        await Eventually.True(() => ConductorFixture.Serves(health), "it serves", TimeSpan.FromSeconds(90));
        async Task<long> Call(int times)
        {
            for (var done = 0; done < times; done += 50)
                await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => ConductorFixture.Serves(health)));
            return conductor.ResidentBytes();
        }
        var before = await Call(4000);
        var exports = Volatile.Read(ref asked);
        // each of these calls is a span that is not taken: were they kept, at 1 KiB or more each, they would pass the limit
        var after = await Call(40_000);
        await Eventually.True(() => Volatile.Read(ref asked) > exports, "it went on trying");
        Assert.True(after - before < 32 * 1024 * 1024, $"{before / 1024} KiB became {after / 1024} KiB");
        await conductor.Terminate();
        await conductor.Ended(TimeSpan.FromSeconds(90));
        var printed = (await conductor.Printed()).Split('\n');
        foreach (var what in new[] { "spans", "metric exports", "log lines" })
            Assert.Single(printed, l => l.Contains($" {what} could not be sent", StringComparison.Ordinal));
    }

    // gRPC's RESOURCE_EXHAUSTED, as a server gives it that did not look at the message.
    private static async Task<WebApplication> Exhausted(Action asked)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var port = FreePort.Next();
        builder.WebHost.ConfigureKestrel(k => k.Listen(System.Net.IPAddress.Loopback, port, l =>
            l.Protocols = Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http2));
        var app = builder.Build();
        app.Run(http =>
        {
            asked();
            http.Response.ContentType = "application/grpc";
            http.Response.Headers["grpc-status"] = "8";
            http.Response.Headers["grpc-message"] = "received message larger than max";
            return Task.CompletedTask;
        });
        await app.StartAsync();
        return app;
    }

    private async Task<WebApplication> Collector()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{FreePort.Next()}");
        var app = builder.Build();
        app.MapPost("/v1/traces", () =>
        {
            var now = status;
            _ = now == StatusCodes.Status200OK ? Interlocked.Increment(ref taken) : Interlocked.Increment(ref refused);
            return Results.StatusCode(now);
        });
        app.MapPost("/v1/metrics", () => Results.Ok());
        await app.StartAsync();
        return app;
    }

    public void Dispose() => world.Dispose();
}
