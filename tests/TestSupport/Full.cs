namespace Overture.TestSupport;

/// <summary>eng/full.sh runs the published lengths, ./test a slice of each.</summary>
public static class Full
{
    public static bool Asked { get; } = Environment.GetEnvironmentVariable("OVERTURE_FULL") == "1";

    public static int Length(int slice, int full) => Asked ? full : slice;
}
