namespace Overture.TestSupport;

/// <summary>
/// The time as it is, in which workers that have a turn every few seconds have it five times a second: a test does not wait for the next
/// sweep. Those of a minute, as well as limits and pauses, stay as long as they are. It can be put ahead, for all who ask what time it is.
/// </summary>
public sealed class QuickTurnsClock : TimeProvider
{
    private static readonly TimeSpan Turns = TimeSpan.FromMilliseconds(200), Longest = TimeSpan.FromSeconds(10);

    /// <summary>How far ahead; it only grows.</summary>
    public TimeSpan Shift { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;

    public override long GetTimestamp() => System.GetTimestamp() + (long)(Shift.TotalSeconds * TimestampFrequency);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        period > Turns && period <= Longest
            ? base.CreateTimer(callback, state, dueTime < Turns ? dueTime : Turns, Turns)
            : base.CreateTimer(callback, state, dueTime, period);
}
