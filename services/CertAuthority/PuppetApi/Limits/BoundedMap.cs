using System.Runtime.InteropServices;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// A map that strangers may fill: it holds at most so many keys, and forgets those that did not come for longest, half of all at a time.
/// Not for several threads; its owner locks.
/// </summary>
internal sealed class BoundedMap<TKey, TValue>(int most) where TKey : notnull
{
    private Dictionary<TKey, TValue> young = [], old = [];

    public int Count => young.Count + old.Count;

    /// <summary>Whether it is remembered; asking makes room for none.</summary>
    public bool Contains(TKey key) => young.ContainsKey(key) || old.ContainsKey(key);

    /// <summary>The place of this key's value, good until the next call; default where there is none (any more).</summary>
    public ref TValue? Of(TKey key)
    {
        if (young.Count >= most / 2 && !young.ContainsKey(key))
        {
            (old, young) = (young, old);
            young.Clear();
        }
        ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(young, key, out var known);
        if (!known && old.Remove(key, out var before))
            place = before;
        return ref place;
    }
}
