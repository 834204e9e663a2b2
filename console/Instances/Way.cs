using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Console.Instances;

/// <summary>How a step of the way ended, or that it did not.</summary>
public enum StepEnd
{
    Done,
    Running,
    Stuck,
    ToCome,
}

/// <summary>One step from requested to converged.</summary>
/// <param name="Lane">Who does it.</param>
/// <param name="What">A few words.</param>
/// <param name="From">Null: it has not begun.</param>
/// <param name="Until">Null: it has not begun; of one that runs: now.</param>
/// <param name="X">Where it begins, 0 to 1,000.</param>
/// <param name="Width">Of the same.</param>
public sealed record Step(string Lane, string What, DateTimeOffset? From, DateTimeOffset? Until, StepEnd End, double X, double Width)
{
    public TimeSpan? Took => Until - From;
}

/// <summary>A line of the timeline, in the lane of who wrote it.</summary>
public sealed record Tick(string Lane, double X, bool IsBad);

/// <summary>
/// The way of an instance from requested to converged, a lane for each component. Widths go by the square root of the time, so that a
/// second beside an hour is still seen. Pure.
/// </summary>
public sealed class Way
{
    private const double Whole = 1000, Least = 40;

    // What each step ends with.
    private static readonly (InstanceState From, InstanceState To, string Lane, string What)[] Steps =
    [
        (InstanceState.Requested, InstanceState.Launching, "conductor", "writes it down, asks the cloud"),
        (InstanceState.Launching, InstanceState.Running, "cloud", "starts it"),
        (InstanceState.Running, InstanceState.CsrReceived, "agent", "boots, installs Puppet, asks for its certificate"),
        (InstanceState.CsrReceived, InstanceState.Signed, "certauthority", "decides and signs"),
        (InstanceState.Signed, InstanceState.Classified, "classifier", "is asked what it is"),
        (InstanceState.Classified, InstanceState.Converged, "puppetserver", "catalog, first good run"),
    ];

    private Way(IReadOnlyList<Step> all, IReadOnlyList<Tick> ticks) => (All, Ticks) = (all, ticks);

    public IReadOnlyList<Step> All { get; }
    public IReadOnlyList<Tick> Ticks { get; }

    /// <summary>From requested to converged; null: it has not.</summary>
    public TimeSpan? Total => All is [{ From: { } from }, ..] && All[^1] is { End: StepEnd.Done, Until: { } until } ? until - from : null;

    public static Way Of(Instance instance, IEnumerable<TimelineEvent> events, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(instance);
        var at = instance.States.GroupBy(s => s.State).ToDictionary(g => g.Key, g => g.First().At.ToDateTimeOffset());
        var ended = at.TryGetValue(InstanceState.Terminating, out var end) || at.TryGetValue(InstanceState.Terminated, out end);
        var last = ended ? end : now;
        // 1. When each began and ended; of one that was not seen to end, the next that was seen says so.
        var times = new List<(DateTimeOffset? From, DateTimeOffset? Until, StepEnd End)>();
        DateTimeOffset? from = at.TryGetValue(InstanceState.Requested, out var requested) ? requested : instance.CreatedAt?.ToDateTimeOffset();
        foreach (var (index, step) in Steps.Index())
        {
            DateTimeOffset? reached = Steps.Skip(index).Where(s => at.ContainsKey(s.To)).Select(s => (DateTimeOffset?)at[s.To]).FirstOrDefault();
            times.Add(from is not { } begin ? (null, null, StepEnd.ToCome)
                : reached is { } done ? (begin, Later(done, begin), StepEnd.Done)
                : (begin, Later(last, begin), ended || IsStuck(instance) ? StepEnd.Stuck : StepEnd.Running));
            from = reached is null ? null : times[^1].Until;
        }
        // 2. How wide each is.
        var weights = times.Select(t => t.From is null ? 0 : Math.Sqrt((t.Until!.Value - t.From.Value).TotalSeconds)).ToList();
        var toCome = times.Count(t => t.From is null) * Least;
        var begun = times.Count(t => t.From is not null);
        var (free, sum, x) = (Whole - toCome - begun * Least, Math.Max(weights.Sum(), 1e-9), 0.0);
        var all = new List<Step>();
        foreach (var (index, step) in Steps.Index())
        {
            var width = times[index].From is null ? Least : Least + free * (weights.Sum() > 0 ? weights[index] / sum : 1.0 / Math.Max(1, begun));
            all.Add(new(step.Lane, step.What, times[index].From, times[index].Until, times[index].End, x, width));
            x += width;
        }
        // 3. What was said meanwhile.
        return new(all, [.. events.Where(e => e.At is not null)
            .Select(e => new Tick(LaneOf(e), Place(all, e.At.ToDateTimeOffset()), IsBad(e))).Where(t => t.X >= 0)]);
    }

    /// <summary>Whose line it is: what the agent and the cloud did, the services write down.</summary>
    public static string LaneOf(TimelineEvent line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var key = line.Key.Split(':')[0];
        return key switch
        {
            "launched" or "running" or "launch-failed" => "cloud",
            "csr-received" => "agent",
            "converged" => "puppetserver",
            _ when key.StartsWith("run-", StringComparison.Ordinal) => "puppetserver",
            _ when key.StartsWith("launch-", StringComparison.Ordinal) => "cloud",
            _ => line.Service.Length > 0 ? line.Service : "conductor",
        };
    }

    public static bool IsBad(TimelineEvent line) => line.Reason.Length > 0
        || line.Key.Contains("fail", StringComparison.Ordinal) || line.Key.Contains("refused", StringComparison.Ordinal);

    private static bool IsStuck(Instance instance) => InstanceText.Wrong(instance)
        .Any(c => c.Severity == ConditionSeverity.Error || c.Type == ConditionType.Stalled);

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    // Before and after all steps: nowhere.
    private static double Place(List<Step> steps, DateTimeOffset at)
    {
        foreach (var step in steps)
        {
            if (step is { From: { } from, Until: { } until } && at >= from.AddSeconds(-1) && at <= until)
                return step.X + step.Width * (until > from ? Math.Clamp((at - from) / (until - from), 0, 1) : 0);
        }
        return -1;
    }
}
