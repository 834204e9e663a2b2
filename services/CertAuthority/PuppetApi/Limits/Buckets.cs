namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>One bucket for each key, in bounded memory. A bucket that is forgotten is full again.</summary>
internal sealed class Buckets<TKey>(Rate rate, int most, TimeProvider clock) where TKey : notnull
{
    private readonly Lock gate = new();
    private readonly BoundedMap<TKey, long> fullAt = new(most);

    private long Now => clock.GetElapsedTime(0).Ticks;

    /// <summary>Takes one of this key's, or says how long to wait for it; zero: taken.</summary>
    public TimeSpan Take(TKey key)
    {
        lock (gate)
            return rate.Take(ref fullAt.Of(key), Now);
    }

    /// <summary>Gives back one that was taken for nothing.</summary>
    public void GiveBack(TKey key)
    {
        lock (gate)
            rate.GiveBack(ref fullAt.Of(key));
    }

    /// <summary>Takes one whether there is one or not.</summary>
    public void Spend(TKey key)
    {
        lock (gate)
            rate.Spend(ref fullAt.Of(key), Now);
    }

    /// <summary>Until there is one to take; takes none.</summary>
    public TimeSpan Wait(TKey key)
    {
        lock (gate)
            return rate.Wait(fullAt.Of(key), Now);
    }
}
