namespace Overture.TestSupport;

/// <summary>
/// Waits on a condition with a limit, two minutes: for a machine that is busy with much else. Tests never sleep for a guess.
/// </summary>
public static class Eventually
{
    // Between two looks. A look that takes long starts processes, and leaves the machine to what it waits for, three times as long.
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(50), Most = TimeSpan.FromSeconds(2);

    public static async Task<T> Get<T>(Func<Task<T?>> probe, string what, TimeSpan? limit = null) where T : class
    {
        var end = TimeProvider.System.GetTimestamp()
            + (long)((limit ?? TimeSpan.FromMinutes(2)).TotalSeconds * TimeProvider.System.TimestampFrequency);
        while (true)
        {
            var begun = TimeProvider.System.GetTimestamp();
            if (await probe() is { } found)
                return found;
            if (TimeProvider.System.GetTimestamp() > end)
                throw new TimeoutException($"never came true: {what}");
            var pause = 3 * TimeProvider.System.GetElapsedTime(begun);
            await Task.Delay(pause < Least ? Least : pause > Most ? Most : pause);
        }
    }

    public static async Task True(Func<Task<bool>> probe, string what, TimeSpan? limit = null) =>
        await Get(async () => await probe() ? "" : null, what, limit);

    public static Task True(Func<bool> probe, string what, TimeSpan? limit = null) => True(() => Task.FromResult(probe()), what, limit);
}
