namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// A token bucket whose whole state is one number, the moment at which it is full again (the generic cell rate algorithm). Pure: moments
/// are ticks of any clock that never goes back, 0 for an unused bucket.
/// </summary>
internal readonly record struct Rate(int PerMinute, int Burst)
{
    private long Refill => TimeSpan.TicksPerMinute / PerMinute;

    /// <summary>Until there is one to take; zero: there is.</summary>
    public TimeSpan Wait(long fullAt, long now) => TimeSpan.FromTicks(Math.Max(0, fullAt - now - (Burst - 1) * Refill));

    /// <summary>Takes one, or says how long to wait for it.</summary>
    public TimeSpan Take(ref long fullAt, long now)
    {
        var wait = Wait(fullAt, now);
        if (wait == TimeSpan.Zero)
            fullAt = Math.Max(fullAt, now) + Refill;
        return wait;
    }

    /// <summary>Gives back one that was taken.</summary>
    public void GiveBack(ref long fullAt) => fullAt = Math.Max(0, fullAt - Refill);

    /// <summary>Takes one whether there is one or not; a bucket is never emptier than empty, so a client that stops is soon free.</summary>
    public void Spend(ref long fullAt, long now) => fullAt = Math.Min(Math.Max(fullAt, now) + Refill, now + Burst * Refill);
}
