using System.Collections.Concurrent;

namespace Overture.Platform.Records;

/// <summary>
/// The last few of something, at least <paramref name="atLeast"/> and at most twice as many: what is asked for again stays.
/// </summary>
public sealed class BoundedCache<TKey, TValue>(int atLeast) where TKey : notnull
{
    private volatile ConcurrentDictionary<TKey, TValue> young = new(), old = new();
    private int count;

    public bool TryGet(TKey key, out TValue value)
    {
        if (young.TryGetValue(key, out value!))
            return true;
        if (!old.TryGetValue(key, out value!))
            return false;
        Add(key, value);
        return true;
    }

    public void Add(TKey key, TValue value)
    {
        if (!young.TryAdd(key, value) || Interlocked.Increment(ref count) < atLeast)
            return;
        // A concurrent writer adds to one or the other: nothing is lost that would not be found again.
        Interlocked.Exchange(ref count, 0);
        (old, young) = (young, new());
    }
}
