using System.Collections.Concurrent;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>Every instance's row, by name and in the order of the list; and how many there are of each kind.</summary>
internal sealed class InstanceRows
{
    // How far from its end a new row is looked for a place; beyond, all are sorted at the next list.
    private const int Near = 64;
    // How many rows are looked at under the lock at a time: some microseconds, for which a change waits.
    private const int Portion = 1024;

    private readonly ConcurrentDictionary<CertName, Slot> byName = new();
    private readonly Lock guard = new();
    // Oldest first, so that a launch is added at the end.
    private readonly List<Slot> placed = [];
    private readonly Dictionary<InstanceKind, Tally> tallies = [];
    private bool sorted = true;

    public int Count => byName.Count;

    /// <summary>In no order, and without a copy: what changes meanwhile may or may not be among them.</summary>
    public IEnumerable<InstanceRow> All => byName.Select(p => p.Value.Row);

    public InstanceRow? Find(CertName name) => byName.GetValueOrDefault(name)?.Row;

    /// <summary>In place of what was kept; its place does not change, as the time of a launch does not.</summary>
    public void Keep(InstanceRow row)
    {
        lock (guard)
        {
            if (byName.TryGetValue(row.Name, out var slot))
            {
                Leave(slot.Tally);
                (slot.Row, slot.Tally) = (row, Join(row));
            }
            else
            {
                slot = new Slot(row, Join(row));
                byName[row.Name] = slot;
                Insert(slot);
            }
        }
    }

    /// <summary>It was never launched, after all.</summary>
    public void Drop(CertName name)
    {
        lock (guard)
        {
            if (!byName.TryRemove(name, out var slot))
                return;
            Leave(slot.Tally);
            placed.Remove(slot);
        }
    }

    /// <summary>How many instances of each kind a query asks for; no kind without any.</summary>
    public IReadOnlyList<(InstanceKind Kind, int Count)> Kinds(InstanceQuery query)
    {
        if (query.IsByKind)
        {
            lock (guard)
                return [.. tallies.Values.Where(t => query.MayMatch(t.Kind)).Select(t => (t.Kind, t.Count))];
        }
        return [.. Take(null, int.MaxValue, query.Matches, kinds: query.MayMatch)
            .CountBy<InstanceRow, InstanceKind>(r => r.Kind, ReferenceEqualityComparer.Instance).Select(c => (c.Key, c.Value))];
    }

    /// <summary>
    /// The first <paramref name="most"/> after a place that are wanted; of what changes meanwhile, as it was or as it is.
    /// </summary>
    /// <param name="after">Null: from the first.</param>
    /// <param name="most">How many at most.</param>
    /// <param name="wanted">Asked without the lock.</param>
    /// <param name="oldestFirst">Else the newest is the first.</param>
    /// <param name="kinds">Which kinds can have such; null: all. Of the others no row is asked.</param>
    public List<InstanceRow> Take(Place? after, int most, Func<InstanceRow, bool> wanted, bool oldestFirst = false,
        Func<InstanceKind, bool>? kinds = null)
    {
        var (found, some) = (new List<InstanceRow>(), new List<InstanceRow>());
        do
        {
            some.Clear();
            lock (guard)
                after = Walk(after, some, oldestFirst, [.. tallies.Values.Where(t => kinds?.Invoke(t.Kind) != false)]);
            foreach (var row in some.Where(wanted))
            {
                found.Add(row);
                if (found.Count >= most)
                    return found;
            }
        }
        while (after is not null);
        return found;
    }

    // Under the lock: the next portion's rows of such kinds, and the place behind which it goes on; null: all of them were seen.
    private Place? Walk(Place? after, List<InstanceRow> found, bool oldestFirst, List<Tally> kinds)
    {
        var left = kinds.Sum(t => t.Count);
        if (left == 0)
            return null;
        Sort();
        foreach (var tally in tallies.Values)
            tally.IsAsked = false;
        foreach (var tally in kinds)
            tally.IsAsked = true;
        var step = oldestFirst ? 1 : -1;
        var begin = after is not { } last ? (oldestFirst ? 0 : placed.Count - 1)
            : oldestFirst ? FirstNotBefore(last) : FirstNotAfter(last) - 1;
        for (var i = begin; i >= 0 && i < placed.Count && left > 0; i += step)
        {
            if (placed[i].Tally.IsAsked)
            {
                left--;
                found.Add(placed[i].Row);
            }
            if (Math.Abs(i - begin) + 1 == Portion)
                return placed[i].Row.Place;
        }
        return null;
    }

    private Tally Join(InstanceRow row)
    {
        if (!tallies.TryGetValue(row.Kind, out var tally))
            tallies[row.Kind] = tally = new Tally(row.Kind);
        row.Share(tally.Kind);
        tally.Count++;
        return tally;
    }

    private void Leave(Tally tally)
    {
        if (--tally.Count == 0)
            tallies.Remove(tally.Kind);
    }

    private void Insert(Slot slot)
    {
        var at = placed.Count;
        while (sorted && at > 0 && placed[at - 1].Row.Place.CompareTo(slot.Row.Place) < 0)
        {
            at--;
            sorted = placed.Count - at < Near;
        }
        placed.Insert(sorted ? at : placed.Count, slot);
    }

    private void Sort()
    {
        if (!sorted)
            placed.Sort((a, b) => b.Row.Place.CompareTo(a.Row.Place));
        sorted = true;
    }

    // How many come after that place in the list: they stand before it here.
    private int FirstNotAfter(Place last)
    {
        var (low, high) = (0, placed.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (placed[middle].Row.Place.CompareTo(last) > 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    // The first here that comes before that place in the list, which is newest first.
    private int FirstNotBefore(Place last)
    {
        var at = FirstNotAfter(last);
        while (at < placed.Count && placed[at].Row.Place.CompareTo(last) == 0)
            at++;
        return at;
    }

    // How many are of a kind; and whether the walk that goes on asks for them.
    private sealed class Tally(InstanceKind kind)
    {
        public InstanceKind Kind => kind;
        public int Count { get; set; }
        public bool IsAsked { get; set; }
    }

    private sealed class Slot(InstanceRow row, Tally tally)
    {
        private volatile InstanceRow row = row;

        public InstanceRow Row { get => row; set => row = value; }
        public Tally Tally { get; set; } = tally;
    }
}
