using System.Collections.Concurrent;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>Every instance's row, by name and in the order of the list.</summary>
internal sealed class InstanceRows
{
    // How far from its end a new row is looked for a place; beyond, all are sorted at the next list.
    private const int Near = 64;

    private readonly ConcurrentDictionary<CertName, Slot> byName = new();
    private readonly Lock guard = new();
    // Oldest first, so that a launch is added at the end.
    private readonly List<Slot> placed = [];
    private bool sorted = true;

    public int Count => byName.Count;

    /// <summary>In no order, and without a copy: what changes meanwhile may or may not be among them.</summary>
    public IEnumerable<InstanceRow> All => byName.Select(p => p.Value.Row);

    public InstanceRow? Find(CertName name) => byName.GetValueOrDefault(name)?.Row;

    /// <summary>In place of what was kept; its place does not change, as the time of a launch does not.</summary>
    public void Keep(InstanceRow row)
    {
        if (byName.TryGetValue(row.Name, out var known))
        {
            known.Row = row;
            return;
        }
        lock (guard)
        {
            var slot = new Slot(row);
            if (byName.TryAdd(row.Name, slot))
                Insert(slot);
            else
                byName[row.Name].Row = row;
        }
    }

    /// <summary>It was never launched, after all.</summary>
    public void Drop(CertName name)
    {
        lock (guard)
        {
            if (byName.TryRemove(name, out var slot))
                placed.Remove(slot);
        }
    }

    /// <summary>The first <paramref name="most"/> after a place that are wanted.</summary>
    /// <param name="after">Null: from the first.</param>
    /// <param name="most">How many at most.</param>
    /// <param name="wanted">Quick: it is asked under the lock.</param>
    /// <param name="oldestFirst">Else the newest is the first.</param>
    public List<InstanceRow> Take(Place? after, int most, Func<InstanceRow, bool> wanted, bool oldestFirst = false)
    {
        var found = new List<InstanceRow>();
        lock (guard)
        {
            Sort();
            var step = oldestFirst ? 1 : -1;
            var begin = after is not { } last ? (oldestFirst ? 0 : placed.Count - 1)
                : oldestFirst ? FirstNotBefore(last) : FirstNotAfter(last) - 1;
            for (var i = begin; i >= 0 && i < placed.Count && found.Count < most; i += step)
            {
                if (wanted(placed[i].Row))
                    found.Add(placed[i].Row);
            }
        }
        return found;
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

    private sealed class Slot(InstanceRow row)
    {
        private volatile InstanceRow row = row;

        public InstanceRow Row { get => row; set => row = value; }
    }
}
