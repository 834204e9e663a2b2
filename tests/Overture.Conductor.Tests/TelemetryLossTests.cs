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
        await Eventually.True(() => ConductorFixture.Serves(health), "it serves", TimeSpan.FromSeconds(60));
        await Eventually.True(async () => await ConductorFixture.Serves(health) && Volatile.Read(ref refused) > 2,
            "several exports are refused");
        status = StatusCodes.Status200OK;
        await Eventually.True(async () => await ConductorFixture.Serves(health) && Volatile.Read(ref taken) > 1, "exports are taken");
        await conductor.Terminate();
        await conductor.Ended(TimeSpan.FromSeconds(25));
        var printed = (await conductor.Printed()).Split('\n');
        Assert.Contains("507", Assert.Single(printed, l => l.Contains(" spans could not be sent", StringComparison.Ordinal)),
            StringComparison.Ordinal);
        Assert.Matches("spans are accepted again; [1-9][0-9]* were lost in",
            Assert.Single(printed, l => l.Contains("spans are accepted again", StringComparison.Ordinal)));
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
