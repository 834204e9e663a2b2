using System.Globalization;

namespace Overture.TestSupport;

/// <summary>
/// The time of day of processes that are started with its environment, by libfaketime: it can be put ahead while they run. Their timers and
/// this process keep the real time.
/// </summary>
public sealed class ShiftedTime : IDisposable
{
    private readonly TempDirectory directory = new();
    private TimeSpan ahead;

    public ShiftedTime() => Write();

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = Directory.GetDirectories("/usr/lib", "*-linux-gnu")
            .Select(d => $"{d}/faketime/libfaketimeMT.so.1").First(File.Exists),
        ["FAKETIME_TIMESTAMP_FILE"] = directory.File("time"),
        ["FAKETIME_CACHE_DURATION"] = "1",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        ["NO_FAKE_STAT"] = "1",
    };

    /// <summary>So much passes at once.</summary>
    public void Pass(TimeSpan time)
    {
        ahead += time;
        Write();
    }

    public void Dispose() => directory.Dispose();

    // In one step: it is read at any moment.
    private void Write()
    {
        File.WriteAllText(directory.File("next"), string.Create(CultureInfo.InvariantCulture, $"+{ahead.TotalSeconds}s\n"));
        File.Move(directory.File("next"), directory.File("time"), overwrite: true);
    }
}
