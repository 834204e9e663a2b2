namespace Overture.Conductor.Providers;

/// <summary>
/// When an instance that its provider does not list is gone: once it had time to appear, in several looks in a row, and not where the
/// list has nothing at all. A provider whose answers are current at once is believed at once. Pure.
/// </summary>
/// <param name="Settling">How long the provider may not list what it started; zero: its answer is current at once.</param>
/// <param name="Listed">How many instances it lists, those that have ended too.</param>
/// <param name="Living">How many it should list.</param>
internal readonly record struct Unlisted(TimeSpan Settling, int Listed, int Living)
{
    // The provider may have accepted a launch, and its answer be under way still.
    private static readonly TimeSpan LaunchTime = TimeSpan.FromMinutes(5);
    private const int Several = 3;

    public bool IsCurrent => Settling == TimeSpan.Zero;

    /// <summary>It is a further account or region: one instance may be all that it has.</summary>
    public bool IsFurther { get; init; }

    /// <summary>More likely another account, region or filter than that all of them ended at once.</summary>
    public bool IsBlind => !IsCurrent && Listed == 0 && Living > (IsFurther ? 0 : 1);

    /// <summary>In how many looks in a row it must be missing.</summary>
    public int LooksNeeded => IsCurrent ? 1 : Several;

    /// <summary>Whether it may appear yet.</summary>
    /// <param name="launched">When the provider accepted it; null: not known.</param>
    /// <param name="now">Time of the list.</param>
    public bool MayCome(DateTimeOffset? launched, DateTimeOffset now) => !IsCurrent
        && (launched is not { } since || now < since + (Settling > LaunchTime ? Settling : LaunchTime));
}
