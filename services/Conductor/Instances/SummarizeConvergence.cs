using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Faults;

namespace Overture.Conductor.Instances;

/// <summary>How long instances take to converge: usual windows of each step, and the last day by the hour.</summary>
internal sealed class SummarizeConvergence(InstanceTable table, InstanceList list, TimeProvider clock)
{
    private const int Newest = 1_000, Hours = 24, Kept = 64;
    // Each page of an instance asks for that of its profile. While instances change it is a second old at most.
    private static readonly TimeSpan Unchanged = TimeSpan.FromSeconds(10), Changing = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Known> known = new(StringComparer.Ordinal);

    /// <exception cref="FaultException">STARTING: not every instance was looked at since the start. At once: pages are shown without
    /// it.</exception>
    public SummarizeConvergenceResponse Run(InstanceFilter? filter)
    {
        var query = new InstanceQuery(filter ?? new InstanceFilter());
        list.DemandWhole();
        var (now, changes, key) = (clock.GetUtcNow(), table.Changes, Convert.ToHexString(query.Canonical));
        if (known.TryGetValue(key, out var last) && now - last.At < (changes == last.Changes ? Unchanged : Changing))
            return last.Answer;
        var rows = table.Rows.Take(null, int.MaxValue, query.Matches, kinds: k => k.HasConverged && query.MayMatch(k));
        var answer = Of(rows.Take(Newest).Select(r => r.Way!), rows.Select(r => r.Way!), now);
        // A filter with a time is another each time.
        if (known.Count >= Kept)
            known.Clear();
        known[key] = new(now, changes, answer);
        return answer;
    }

    /// <summary>Pure.</summary>
    internal static SummarizeConvergenceResponse Of(IEnumerable<ConvergedWay> newest, IEnumerable<ConvergedWay> all, DateTimeOffset now)
    {
        var sample = newest.ToList();
        var steps = ConvergedWay.States.Take(ConvergedWay.States.Count - 1).Select((from, i) =>
            Window(from, ConvergedWay.States[i + 1], sample.Select(w => w.Step(i)).OfType<int>()));
        var whole = Window(InstanceState.Requested, InstanceState.Converged, sample.Select(w => w.Whole));
        var thisHour = new DateTimeOffset(now.Year, now.Month, now.Day, now.Hour, 0, 0, now.Offset);
        var (first, count, hours, day) = (thisHour.AddHours(1 - Hours), 0, new SortedDictionary<int, List<int>>(), new List<int>());
        foreach (var way in all)
        {
            count++;
            if (way.At < first)
                continue;
            var hour = (int)(way.At - first).TotalHours;
            if (!hours.TryGetValue(hour, out var took))
                hours[hour] = took = [];
            took.Add(way.Whole);
            day.Add(way.Whole);
        }
        var sorted = day.Order().ToArray();
        return new SummarizeConvergenceResponse
        {
            Converged = count, Steps = { steps.Append(whole).Where(w => w.Count > 0) },
            Hours = { hours.Select(h => Hour(first.AddHours(h.Key), h.Value)) }, P50 = Part(sorted, 50), P95 = Part(sorted, 95),
        };
    }

    private static StepWindow Window(InstanceState from, InstanceState to, IEnumerable<int> took)
    {
        var sorted = took.Order().ToArray();
        return new StepWindow
        {
            From = from, To = to, Count = sorted.Length, P10 = Part(sorted, 10), P50 = Part(sorted, 50), P90 = Part(sorted, 90),
        };
    }

    private static ConvergedHour Hour(DateTimeOffset from, List<int> took)
    {
        var sorted = took.Order().ToArray();
        return new ConvergedHour { From = from.ToTimestamp(), Count = sorted.Length, P50 = Part(sorted, 50), P95 = Part(sorted, 95) };
    }

    // The smallest that so many of a hundred do not exceed.
    private static Duration? Part(int[] sorted, int percent) => sorted.Length == 0 ? null
        : TimeSpan.FromMilliseconds(sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * percent / 100.0) - 1)]).ToDuration();

    private sealed record Known(DateTimeOffset At, long Changes, SummarizeConvergenceResponse Answer);
}
