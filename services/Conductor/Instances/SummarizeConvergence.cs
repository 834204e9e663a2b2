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
        return Of([.. table.Rows.All.Where(query.Matches).Select(r => r.Way).OfType<ConvergedWay>()], clock.GetUtcNow());
    }

    /// <summary>Pure.</summary>
    internal static SummarizeConvergenceResponse Of(List<ConvergedWay> ways, DateTimeOffset now)
    {
        ways.Sort((a, b) => b.At.CompareTo(a.At));
        var newest = ways.Take(Newest).ToList();
        var steps = ConvergedWay.States.Take(ConvergedWay.States.Count - 1).Select((from, i) =>
            Window(from, ConvergedWay.States[i + 1], newest.Select(w => w.Step(i)).OfType<int>()));
        var whole = Window(InstanceState.Requested, InstanceState.Converged, newest.Select(w => w.Whole));
        var thisHour = new DateTimeOffset(now.Year, now.Month, now.Day, now.Hour, 0, 0, now.Offset);
        var first = thisHour.AddHours(1 - Hours);
        return new SummarizeConvergenceResponse
        {
            Converged = ways.Count,
            Steps = { steps.Append(whole).Where(w => w.Count > 0) },
            Hours = { ways.TakeWhile(w => w.At >= first).GroupBy(w => (int)(w.At - first).TotalHours).OrderBy(g => g.Key)
                .Select(g => Hour(first.AddHours(g.Key), g)) },
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

    private static ConvergedHour Hour(DateTimeOffset from, IEnumerable<ConvergedWay> ways)
    {
        var sorted = ways.Select(w => w.Whole).Order().ToArray();
        return new ConvergedHour { From = from.ToTimestamp(), Count = sorted.Length, P50 = Part(sorted, 50), P95 = Part(sorted, 95) };
    }

    // The smallest that so many of a hundred do not exceed.
    private static Duration? Part(int[] sorted, int percent) => sorted.Length == 0 ? null
        : TimeSpan.FromMilliseconds(sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * percent / 100.0) - 1)]).ToDuration();
}
