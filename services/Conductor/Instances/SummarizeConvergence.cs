using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;

namespace Overture.Conductor.Instances;

/// <summary>How long instances take to converge: usual windows of each step, and the last day by the hour.</summary>
internal sealed class SummarizeConvergence(InstanceTable table, InstanceList list, TimeProvider clock)
{
    private const int Newest = 1_000, Hours = 24;

    public async Task<SummarizeConvergenceResponse> Run(InstanceFilter? filter, CancellationToken cancel)
    {
        var query = new InstanceQuery(filter ?? new InstanceFilter());
        await list.Complete(cancel);
        var newest = table.Rows.Take(null, Newest, r => r.Way is not null && query.Matches(r)).Select(r => r.Way!);
        return Of(newest, table.Rows.All.Where(query.Matches).Select(r => r.Way).OfType<ConvergedWay>(), clock.GetUtcNow());
    }

    /// <summary>Pure.</summary>
    internal static SummarizeConvergenceResponse Of(IEnumerable<ConvergedWay> newest, IEnumerable<ConvergedWay> all, DateTimeOffset now)
    {
        var sample = newest.ToList();
        var steps = ConvergedWay.States.Take(ConvergedWay.States.Count - 1).Select((from, i) =>
            Window(from, ConvergedWay.States[i + 1], sample.Select(w => w.Step(i)).OfType<int>()));
        var whole = Window(InstanceState.Requested, InstanceState.Converged, sample.Select(w => w.Whole));
        var thisHour = new DateTimeOffset(now.Year, now.Month, now.Day, now.Hour, 0, 0, now.Offset);
        var (first, count, hours) = (thisHour.AddHours(1 - Hours), 0, new SortedDictionary<int, List<int>>());
        foreach (var way in all)
        {
            count++;
            if (way.At < first)
                continue;
            var hour = (int)(way.At - first).TotalHours;
            if (!hours.TryGetValue(hour, out var took))
                hours[hour] = took = [];
            took.Add(way.Whole);
        }
        return new SummarizeConvergenceResponse
        {
            Converged = count, Steps = { steps.Append(whole).Where(w => w.Count > 0) },
            Hours = { hours.Select(h => Hour(first.AddHours(h.Key), h.Value)) },
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
}
