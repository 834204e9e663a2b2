namespace Overture.CertAuthority.Tests.Threats;

/// <summary>eng/full.sh runs the published lengths, ./test a slice of each.</summary>
internal static class Full
{
    public static bool Asked { get; } = Environment.GetEnvironmentVariable("OVERTURE_FULL") == "1";

    public static int Length(int slice, int full) => Asked ? full : slice;
}

/// <summary>Returns the same time until another is set.</summary>
internal sealed class StoppedClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
