using Overture.Platform.Serving;

namespace Overture.Platform.Telemetry;

/// <summary>What was counted in place of being written.</summary>
/// <param name="Source">Whose: an address, say; empty: of more sources than are distinguished.</param>
/// <param name="Kind">What: a reason, a status.</param>
/// <param name="Count">How many.</param>
/// <param name="Samples">Some of them, each once.</param>
public sealed record Counted(string Source, string Kind, long Count, IReadOnlyList<string> Samples);

/// <summary>How much is written one by one.</summary>
/// <param name="PerMinute">In all.</param>
/// <param name="PerKind">Of one kind, so that a flood of one kind leaves room for the others.</param>
/// <param name="PerSource">Of one source, so that a flood from one place leaves room for the others.</param>
/// <param name="Samples">How many samples are kept of what is only counted.</param>
public readonly record struct WriteShares(int PerMinute, int PerKind, int PerSource, int Samples = 1);

/// <summary>
/// Bounds what strangers can make a log grow by: so many entries a minute, the rest is counted by source and kind. No entry is lost: those
/// that were written and those that were counted add up to all of them. Memory is bounded as well. Thread-safe.
/// </summary>
public sealed class WriteBudget(WriteShares shares, TimeProvider clock)
{
    /// <summary>
    /// So many pairs of source and kind are distinguished between two calls of <see cref="Drain"/>; those beyond are counted by kind.
    /// </summary>
    public const int MaxTallies = 2_000;
    private const int SampleLength = 300;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    // Of the window; no more entries than shares.PerMinute.
    private readonly Dictionary<string, int> bySource = new(StringComparer.Ordinal), byKind = new(StringComparer.Ordinal);
    private Dictionary<(string Source, string Kind), Tally> counted = [];
    private long began;
    private int written;

    /// <param name="source">Whose entry it is.</param>
    /// <param name="kind">One of a set that strangers can't enlarge.</param>
    /// <param name="sample">The entry in brief.</param>
    /// <returns>True: write it. False: it is counted.</returns>
    public bool Take(string source, string kind, string sample)
    {
        lock (gate)
        {
            if (began == 0 || clock.GetElapsedTime(began) >= Window)
            {
                (began, written) = (clock.GetTimestamp(), 0);
                bySource.Clear();
                byKind.Clear();
            }
            var (ofSource, ofKind) = (bySource.GetValueOrDefault(source), byKind.GetValueOrDefault(kind));
            if (written < shares.PerMinute && ofSource < shares.PerSource && ofKind < shares.PerKind)
            {
                (written, bySource[source], byKind[kind]) = (written + 1, ofSource + 1, ofKind + 1);
                return true;
            }
            Add(source, kind, 1, [sample]);
            return false;
        }
    }

    /// <summary>Counts an entry that is never written one by one.</summary>
    public void Count(string source, string kind, string sample)
    {
        lock (gate)
            Add(source, kind, 1, [sample]);
    }

    /// <summary>What was counted since the last call.</summary>
    /// <param name="most">So many are given one by one, the largest first; what is left is given by kind, without its source.</param>
    public IReadOnlyList<Counted> Drain(int most)
    {
        Dictionary<(string Source, string Kind), Tally> all;
        lock (gate)
            (all, counted) = (counted, []);
        var sorted = all.OrderByDescending(t => t.Value.Count)
            .Select(t => new Counted(t.Key.Source, t.Key.Kind, t.Value.Count, t.Value.Samples)).ToList();
        var rest = sorted.Skip(most).GroupBy(c => c.Kind, StringComparer.Ordinal)
            .Select(g => new Counted("", g.Key, g.Sum(c => c.Count),
                [.. g.SelectMany(c => c.Samples).Distinct(StringComparer.Ordinal).Take(shares.Samples)]));
        return [.. sorted.Take(most), .. rest];
    }

    /// <summary>Takes back what <see cref="Drain"/> gave and could not be written.</summary>
    public void Return(IEnumerable<Counted> unwritten)
    {
        lock (gate)
        {
            foreach (var back in unwritten)
                Add(back.Source, back.Kind, back.Count, back.Samples);
        }
    }

    private void Add(string source, string kind, long count, IReadOnlyList<string> samples)
    {
        if (!counted.ContainsKey((source, kind)) && counted.Count >= MaxTallies)
            source = "";
        if (!counted.TryGetValue((source, kind), out var tally))
            counted[(source, kind)] = tally = new Tally();
        tally.Count += count;
        foreach (var sample in samples)
        {
            if (tally.Samples.Count < shares.Samples && Short(sample) is var text && !tally.Samples.Contains(text))
                tally.Samples.Add(text);
        }
    }

    private static string Short(string sample) => sample.Length <= SampleLength ? sample : sample[..SampleLength] + "...";

    private sealed class Tally
    {
        public long Count { get; set; }
        public List<string> Samples { get; } = [];
    }
}
