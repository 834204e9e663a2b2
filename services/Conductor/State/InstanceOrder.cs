using Overture.Platform.Records;

namespace Overture.Conductor.State;

/// <summary>Place of an instance in the list.</summary>
/// <param name="LaunchedMs">Unix time.</param>
internal readonly record struct Place(long LaunchedMs, CertName Name);

/// <summary>Names in the order of the list: newest first, then by name downwards, as the registry's index orders.</summary>
internal sealed class InstanceOrder
{
    private static readonly Comparer<Place> NewestFirst = Comparer<Place>.Create((a, b) =>
        a.LaunchedMs != b.LaunchedMs ? b.LaunchedMs.CompareTo(a.LaunchedMs) : string.CompareOrdinal(b.Name.ToString(), a.Name.ToString()));

    private readonly Lock guard = new();
    private readonly SortedSet<Place> places = new(NewestFirst);
    private volatile int count;

    public int Count => count;

    /// <summary>No effect for a name that is in it: the time of a launch does not change.</summary>
    public void Add(CertName name, DateTimeOffset launchedAt)
    {
        lock (guard)
        {
            places.Add(new Place(launchedAt.ToUnixTimeMilliseconds(), name));
            count = places.Count;
        }
    }

    /// <summary>The first <paramref name="most"/> after a place that are wanted.</summary>
    /// <param name="after">Null: from the newest.</param>
    /// <param name="most">How many at most.</param>
    /// <param name="wanted">Quick: it is asked under the lock.</param>
    public List<CertName> Take(Place? after, int most, Func<CertName, bool> wanted)
    {
        var found = new List<CertName>();
        lock (guard)
        {
            if (places.Count == 0 || (after is { } last && NewestFirst.Compare(last, places.Max) >= 0))
                return found;
            foreach (var place in after is { } from ? places.GetViewBetween(from, places.Max) : places)
            {
                if (place != after && wanted(place.Name))
                    found.Add(place.Name);
                if (found.Count == most)
                    break;
            }
        }
        return found;
    }
}
