namespace Overture.TestSupport;

/// <summary>Ahead by what a test says; a timer of a day or more looks again after a moment.</summary>
public sealed class LeapClock : TimeProvider
{
    public TimeSpan Shift { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Leaping(base.CreateTimer(callback, state, Short(dueTime), Short(period)));

    private static TimeSpan Short(TimeSpan time) => time >= TimeSpan.FromDays(1) ? TimeSpan.FromMilliseconds(100) : time;

    private sealed class Leaping(ITimer inner) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => inner.Change(Short(dueTime), Short(period));

        public void Dispose() => inner.Dispose();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
