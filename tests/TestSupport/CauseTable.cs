using System.Globalization;

namespace Overture.TestSupport;

/// <summary>The causes that tests made and explain named, as docs/seeded-causes.md shows them.</summary>
public static class CauseTable
{
    private static readonly Lock Lines = new();
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(5), Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Asks until the cause is named, twice a second, and as often as that goes into the 5 s that are promised: explain looks when it is
    /// asked, so it is counted how often it looked after the cause could be known. How long a look takes is the machine's.
    /// </summary>
    /// <param name="ask">Explains once.</param>
    /// <param name="isNamed">Whether that is the answer.</param>
    /// <param name="known">From now until it can be known at the latest: a step's deadline. Looks before are not counted.</param>
    /// <returns>The last answer, and how long it took.</returns>
    public static async Task<(T Answer, TimeSpan Took)> Ask<T>(Func<Task<T>> ask, Func<T, bool> isNamed, TimeSpan known = default)
    {
        var began = TimeProvider.System.GetTimestamp();
        // With pauses: what waits for a deadline must not take the processor from what runs.
        using var pause = new PeriodicTimer(Pause);
        for (var looks = 0; ;)
        {
            if (TimeProvider.System.GetElapsedTime(began) >= known)
                looks++;
            var answer = await ask();
            if (isNamed(answer) || looks >= Promised / Pause)
                return (answer, TimeProvider.System.GetElapsedTime(began));
            await pause.WaitForNextTickAsync();
        }
    }

    /// <summary>Adds a line to artifacts/causes/TEST.tsv, which eng/causes.sh puts into the page.</summary>
    /// <param name="id">Of its row.</param>
    /// <param name="reason">The code that was named.</param>
    /// <param name="made">How the cause was made.</param>
    /// <param name="where">"real", or what stood in: "EC2 double", "recorded console".</param>
    /// <param name="verdict">The sentence.</param>
    /// <param name="took">From when it could be known.</param>
    /// <param name="test">The class that made it.</param>
    public static void Named(string id, string reason, string made, string where, string verdict, TimeSpan took, string test)
    {
        var folder = RepositoryPaths.File("artifacts/causes");
        Directory.CreateDirectory(folder);
        lock (Lines)
        {
            File.AppendAllText(Path.Combine(folder, $"{test}.tsv"), string.Join('\t', id, reason, made, where,
                verdict.Replace('\t', ' '), took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture), test) + "\n");
        }
    }
}
