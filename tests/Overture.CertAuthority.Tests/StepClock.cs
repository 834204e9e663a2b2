namespace Overture.CertAuthority.Tests;

/// <summary>The system's, and beside it as much time as a test says; timers are the system's.</summary>
public sealed class StepClock : TimeProvider
{
    public TimeSpan Passed { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Passed;

    public override long GetTimestamp() => System.GetTimestamp() + (long)(Passed.TotalSeconds * TimestampFrequency);
}
