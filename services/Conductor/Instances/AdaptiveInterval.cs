namespace Overture.Conductor.Instances;

/// <summary>How often to do what takes long where there is much: at most a twentieth of the time goes into it.</summary>
/// <param name="least">From one begin to the next, however quick it is.</param>
/// <param name="clock">Measures.</param>
internal sealed class AdaptiveInterval(TimeSpan least, TimeProvider clock)
{
    private const int Share = 20;
    private long? begun;
    private TimeSpan took;

    public bool IsDue => begun is not { } at || clock.GetElapsedTime(at) >= (took * Share > least ? took * Share : least);

    public async Task<T> Measure<T>(Func<Task<T>> work)
    {
        begun = clock.GetTimestamp();
        var result = await work();
        took = clock.GetElapsedTime(begun.Value);
        return result;
    }
}
