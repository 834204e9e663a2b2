using Overture.Platform.Serving;

namespace Overture.Platform.Tests;

public sealed class ServiceManagerTests
{
    [Fact]
    public void Watchdog_OfThisProcess_IsDueAtHalfTheLimit() =>
        Assert.Equal(TimeSpan.FromSeconds(30), Due("60000000", $"{Environment.ProcessId}"));

    [Fact]
    public void Watchdog_WithoutAProcess_IsForThisOne() => Assert.Equal(TimeSpan.FromSeconds(1), Due("2000000", null));

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("0", null)]
    [InlineData("soon", null)]
    [InlineData("60000000", "1")]
    public void Watchdog_NoneOrOfAnotherProcess_IsNone(string? limit, string? whose) => Assert.Null(Due(limit, whose));

    private static TimeSpan? Due(string? limit, string? whose) =>
        ServiceManager.Watchdog(name => name == "WATCHDOG_USEC" ? limit : name == "WATCHDOG_PID" ? whose : null);
}
