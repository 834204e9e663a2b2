using System.Globalization;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>The trace UI of ./run, by the link that it prints.</summary>
[Collection(nameof(CheckoutCollection))]
[Trait("Category", "full")]
public sealed class TraceUiTests
{
    [Fact]
    public async Task Run_PrintedLink_OpensTheTraceOfItsInstanceWithAllThreeServices()
    {
        using var home = new TempDirectory();
        await using var run = await RunProcess.Start(RepositoryPaths.Root, new Dictionary<string, string?>
        {
            ["OVERTURE_HOME"] = home.Path,
            ["OVERTURE_PORT_OFFSET"] = CheckoutCollection.PortOffset.ToString(CultureInfo.InvariantCulture),
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = null,
            ["OTEL_BSP_SCHEDULE_DELAY"] = "500",
        }, TimeSpan.FromMinutes(12));
        var link = run.Lines().SingleOrDefault(l => l.Contains("/traces/detail/", StringComparison.Ordinal));
        Assert.True(link is not null, string.Join('\n', run.Lines()));

        await using var browser = await Browser.Start();
        // Each service and a span that only it makes.
        await browser.Read(link.Trim(), TimeSpan.FromMinutes(1), "overture-conductor", "overture.report", "overture-certauthority",
            "overture.sign", "overture-classifier", "overture.classify");
    }
}
