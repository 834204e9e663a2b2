namespace Overture.TestSupport;

/// <summary>
/// Waits on a condition with a limit, two minutes: for a machine that is busy with much else. Tests never sleep for a guess.
/// </summary>
public static class Eventually
{
    public static async Task<T> Get<T>(Func<Task<T?>> probe, string what, TimeSpan? limit = null) where T : class
    {
        var end = TimeProvider.System.GetTimestamp()
            + (long)((limit ?? TimeSpan.FromMinutes(2)).TotalSeconds * TimeProvider.System.TimestampFrequency);
        while (true)
        {
            if (await probe() is { } found)
                return found;
            if (TimeProvider.System.GetTimestamp() > end)
                throw new TimeoutException($"never came true: {what}");
            await Task.Delay(50);
        }
    }

    public static async Task True(Func<Task<bool>> probe, string what, TimeSpan? limit = null) =>
        await Get(async () => await probe() ? "" : null, what, limit);

    public static Task True(Func<bool> probe, string what, TimeSpan? limit = null) => True(() => Task.FromResult(probe()), what, limit);
}
