using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Overture.Platform.Serving;
using Overture.Platform.Telemetry;

namespace Overture.Platform.Tests;

/// <summary>What strangers can make a log grow by: shares, and that no entry is lost.</summary>
public sealed class WriteBudgetTests
{
    private readonly FakeTimeProvider clock = new();

    [Fact]
    public void Take_FloodOfOneSource_HasItsShareAndTheRestIsCountedExactly()
    {
        var budget = new WriteBudget(new(100, 50, 10, Samples: 3), clock);
        var written = Enumerable.Range(0, 5_000)
            .Count(i => budget.Take("10.0.0.1", i % 2 == 0 ? "a" : "b", string.Create(CultureInfo.InvariantCulture, $"name{i}")));

        Assert.Equal(10, written);
        var counted = budget.Drain(100);
        Assert.Equal([("10.0.0.1", "a", 2_495L), ("10.0.0.1", "b", 2_495L)], counted.Select(c => (c.Source, c.Kind, c.Count)).Order());
        Assert.All(counted, c => Assert.Equal(3, c.Samples.Count));
        Assert.Empty(budget.Drain(100));
    }

    [Fact]
    public void Take_FloodOfOneKindFromEverywhere_LeavesRoomForOtherKinds()
    {
        var budget = new WriteBudget(new(100, 50, 10), clock);
        for (var i = 0; i < 1_000; i++)
            budget.Take(string.Create(CultureInfo.InvariantCulture, $"10.0.0.{i % 250}"), "flood", "");

        Assert.True(budget.Take("10.1.1.1", "other", ""));
        Assert.False(budget.Take("10.1.1.1", "flood", ""));
    }

    [Fact]
    public void Take_NextMinute_BeginsAnew()
    {
        var budget = new WriteBudget(new(100, 50, 1), clock);
        Assert.True(budget.Take("a", "k", ""));
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.False(budget.Take("a", "k", ""));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.True(budget.Take("a", "k", ""));
    }

    [Fact]
    public void Drain_MoreSourcesThanAreToldApart_AddsUpAllTheSame()
    {
        const int Entries = 20_000;
        var budget = new WriteBudget(new(60, 30, 10), clock);
        var written = Enumerable.Range(0, Entries)
            .Count(i => budget.Take(string.Create(CultureInfo.InvariantCulture, $"source{i}"), $"kind{i % 3}", new string('x', 10_000)));

        var counted = budget.Drain(50);
        Assert.Equal(60, written);
        Assert.Equal(Entries, written + counted.Sum(c => c.Count));
        // 50 by themselves, and of each kind the rest.
        Assert.InRange(counted.Count, 1, 53);
        Assert.True(counted.Sum(c => c.Samples.Sum(s => s.Length)) < 53 * 310);

        budget.Return(counted);
        Assert.Equal(Entries, written + budget.Drain(50).Sum(c => c.Count));
    }
}
