using System.Text;
using Overture.Conductor.Reports;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Reports as they come and go.</summary>
public sealed class ReportSpoolTests
{
    [Fact]
    public async Task Take_WhileManyAreWorkedOff_TakesEachOnce()
    {
        using var state = new TempDirectory();
        var spool = new ReportSpool(new ConductorOptions { StateDirectory = state.Path }, TestIds.New());
        const int All = 2000;
        var seen = new HashSet<string>();
        var working = Task.Run(async () =>
        {
            // Behind, as a worker is.
            await Eventually.True(() => spool.Waiting.Count > 100, "some wait");
            while (seen.Count < All)
            {
                var report = await spool.Waiting.ReadAsync();
                Assert.True(seen.Add(await File.ReadAllTextAsync(report.File)));
                // Gone meanwhile, as when the folder is cleared: that stops nothing.
                if (seen.Count % 2 == 0)
                    File.Delete(report.File);
                spool.Done(report);
            }
        });
        await Parallel.ForAsync(0, All, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, cancel) =>
            Assert.Equal(ReportSpool.Taken.Yes, await spool.Take(new MemoryStream(Encoding.UTF8.GetBytes($"report {i}")), null, cancel)));
        await working;
        Assert.Empty(Directory.GetFiles(Path.Combine(state.Path, "reports")));
    }
}
