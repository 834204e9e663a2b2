using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;

namespace Overture.Platform.Tests;

/// <summary>This host's clock against the store's (threats T90).</summary>
public sealed class ClockHealthTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0.2, 0.4, 0, 0)]
    [InlineData(0.9, 1.1, 0, 0)] // read before the second was over
    [InlineData(0, 10, 5, 0)] // a slow answer proves nothing
    [InlineData(0.2, 0.4, 3, 2.6)]
    [InlineData(61.5, 61.7, 0, -60.5)]
    public void Between_ADateOfWholeSeconds_IsWhatItProvesAtLeast(double sent, double received, double date, double ahead) =>
        Assert.Equal(TimeSpan.FromSeconds(ahead),
            StoreClock.Between(Noon.AddSeconds(sent), Noon.AddSeconds(received), Noon.AddSeconds(date)));

    [Theory]
    [InlineData(5, HealthStatus.Healthy)]
    [InlineData(-5.1, HealthStatus.Degraded)]
    [InlineData(60, HealthStatus.Degraded)]
    [InlineData(60.1, HealthStatus.Unhealthy)]
    [InlineData(-60.1, HealthStatus.Unhealthy)]
    public void Judge_Difference_IsAnAlarmBeyond5AndNotReadyBeyond60(double seconds, HealthStatus expected) =>
        Assert.Equal(expected, ClockHealth.Judge(TimeSpan.FromSeconds(seconds), HealthStatus.Unhealthy).Status);

    [Fact]
    public void Judge_NotKnown_IsHealthy() => Assert.Equal(HealthStatus.Healthy, ClockHealth.Judge(null, HealthStatus.Unhealthy).Status);

    [Theory]
    [InlineData(0)]
    [InlineData(90)]
    [InlineData(-90)]
    public async Task S3Store_AnyAnswer_TellsTheServersClock(int ahead)
    {
        await using var server = await S3Double.Start();
        server.Ahead = TimeSpan.FromSeconds(ahead);
        using var store = server.Open();
        Assert.Null(store.ClockAhead);
        Assert.False(await store.Any(Records.ObjectKeys.Probes, default));
        Assert.InRange(store.ClockAhead!.Value.TotalSeconds, ahead - 1.5, ahead + 1.5);
        server.Ahead = TimeSpan.Zero;
        await store.Any(Records.ObjectKeys.Probes, default);
        Assert.Equal(0, store.ClockAhead!.Value.TotalSeconds, 1.0);
    }
}
