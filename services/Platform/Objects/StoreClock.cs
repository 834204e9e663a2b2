namespace Overture.Platform.Objects;

/// <summary>A server's clock as its answers show it (HTTP's Date header: whole seconds, cut off), against ours.</summary>
internal sealed class StoreClock(TimeProvider clock)
{
    private long ahead = long.MinValue;

    /// <summary>
    /// How far the server's clock was ahead of ours at its last answer, at least; zero where they may agree; null: no answer yet.
    /// </summary>
    public TimeSpan? Ahead => Interlocked.Read(ref ahead) is var ticks && ticks == long.MinValue ? null : TimeSpan.FromTicks(ticks);

    public DateTimeOffset Now => clock.GetUtcNow();

    /// <param name="sent">When the request went out, by our clock; its answer is here now.</param>
    /// <param name="date">What the answer says; null: nothing.</param>
    public void Saw(DateTimeOffset sent, DateTimeOffset? date)
    {
        if (date is { } said)
            Interlocked.Exchange(ref ahead, Between(sent, Now, said).Ticks);
    }

    // The server read its clock between the two, and cut off the fraction.
    internal static TimeSpan Between(DateTimeOffset sent, DateTimeOffset received, DateTimeOffset date) =>
        date > received ? date - received
        : date.AddSeconds(1) < sent ? date.AddSeconds(1) - sent
        : TimeSpan.Zero;
}
