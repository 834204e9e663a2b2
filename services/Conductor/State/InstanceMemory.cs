using System.Collections.Concurrent;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.State;

/// <summary>Place of an instance in the list.</summary>
/// <param name="LaunchedMs">Unix time.</param>
internal readonly record struct Place(long LaunchedMs, CertName Name);

/// <summary>An instance as last folded.</summary>
internal readonly record struct Kept(CertName Name, Instance Instance);

/// <summary>Every instance as last folded, in the order of the list: newest first, then by name downwards, as the registry's index orders.</summary>
internal sealed class InstanceMemory
{
    private readonly ConcurrentDictionary<CertName, Entry> byName = new();
    private readonly Lock guard = new();
    private readonly SortedSet<Entry> placed = new(Comparer<Entry>.Create((a, b) => Compare(a.Place, b.Place)));
    private volatile int count;

    public int Count => count;

    public IReadOnlyCollection<Instance> All => [.. byName.Values.Select(e => e.Now)];

    public Instance? Find(CertName name) => byName.GetValueOrDefault(name)?.Now;

    /// <summary>In place of what was kept; its place does not change, as the time of a launch does not.</summary>
    public void Keep(CertName name, Instance instance)
    {
        if (byName.TryGetValue(name, out var known))
        {
            known.Now = instance;
            return;
        }
        lock (guard)
        {
            var entry = new Entry(new Place(instance.CreatedAt.ToDateTimeOffset().ToUnixTimeMilliseconds(), name), instance);
            if (placed.Add(entry))
                byName[name] = entry;
            else
                byName[name].Now = instance;
            count = placed.Count;
        }
    }

    /// <summary>The first <paramref name="most"/> after a place that are wanted.</summary>
    /// <param name="after">Null: from the newest.</param>
    /// <param name="most">How many at most.</param>
    /// <param name="wanted">Quick: it is asked under the lock.</param>
    public List<Kept> Take(Place? after, int most, Func<Instance, bool> wanted)
    {
        var found = new List<Kept>();
        lock (guard)
        {
            if (placed.Count == 0 || (after is { } last && Compare(last, placed.Max!.Place) >= 0))
                return found;
            foreach (var entry in after is { } from ? placed.GetViewBetween(new Entry(from, new Instance()), placed.Max) : placed)
            {
                var instance = entry.Now;
                if (entry.Place != after && wanted(instance))
                    found.Add(new Kept(entry.Place.Name, instance));
                if (found.Count == most)
                    break;
            }
        }
        return found;
    }

    private static int Compare(Place a, Place b) =>
        a.LaunchedMs != b.LaunchedMs ? b.LaunchedMs.CompareTo(a.LaunchedMs) : string.CompareOrdinal(b.Name.ToString(), a.Name.ToString());

    private sealed class Entry(Place place, Instance now)
    {
        private volatile Instance now = now;

        public Place Place { get; } = place;
        public Instance Now { get => now; set => now = value; }
    }
}
