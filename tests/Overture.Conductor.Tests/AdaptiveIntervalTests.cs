using Microsoft.Extensions.Time.Testing;
using Overture.Conductor.Instances;

namespace Overture.Conductor.Tests;

public sealed class CadenceTests
{
    private readonly FakeTimeProvider clock = new(DateTimeOffset.UnixEpoch);

    [Fact]
    public async Task IsDue_QuickWork_AtItsOwnPace()
    {
        var cadence = new AdaptiveInterval(TimeSpan.FromSeconds(2), clock);
        Assert.True(cadence.IsDue);
        await Work(cadence, TimeSpan.FromMilliseconds(50));
        clock.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(cadence.IsDue);
        clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.True(cadence.IsDue);
    }

    [Fact]
    public async Task IsDue_WorkThatTakesLong_TakesATwentiethOfTheTime()
    {
        var cadence = new AdaptiveInterval(TimeSpan.FromSeconds(2), clock);
        await Work(cadence, TimeSpan.FromSeconds(5));
        clock.Advance(TimeSpan.FromSeconds(94.9));
        Assert.False(cadence.IsDue);
        clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.True(cadence.IsDue);
    }

    [Fact]
    public async Task IsDue_WorkThatFailed_IsNotTriedAtOnce()
    {
        var cadence = new AdaptiveInterval(TimeSpan.FromSeconds(2), clock);
        await Assert.ThrowsAsync<IOException>(() => cadence.Measure<int>(() => throw new IOException()));
        Assert.False(cadence.IsDue);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.True(cadence.IsDue);
    }

    private Task<int> Work(AdaptiveInterval cadence, TimeSpan takes) => cadence.Measure(() =>
    {
        clock.Advance(takes);
        return Task.FromResult(1);
    });
}
