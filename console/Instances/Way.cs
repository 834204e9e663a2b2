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

    /// <summary>How long it takes with this profile; null: not known.</summary>
    public Usual? Usual { get; init; }

    /// <summary>Its lines of the timeline, oldest first; each line is of one step.</summary>
    public IReadOnlyList<TimelineEvent> Lines { get; init; } = [];

    /// <summary>The longest time in it of which nothing is written; null: none that says something.</summary>
    public Gap? Gap { get; init; }

    /// <summary>How many lines of it say that something was tried again or failed.</summary>
    public int Retries => Lines.Count(l => Way.IsRetry(l) && (From is null || Way.IsWithin(l, From, Until)));

    /// <summary>It took longer than nine of ten others.</summary>
    public bool IsSlow => Usual is { } usual && Took > usual.P90 && Took > usual.P50 + TimeSpan.FromSeconds(1);
}

/// <summary>The usual window of a step, and where it is drawn.</summary>
public sealed record Usual(TimeSpan P10, TimeSpan P50, TimeSpan P90, int Count, double X, double Width);

/// <summary>Silence within a step.</summary>
public sealed record Gap(TimeSpan Length, double X, double Width);

/// <summary>A line of the timeline, in the lane of its step.</summary>
public sealed record Tick(string Lane, double X, bool IsBad);

/// <summary>
/// The way of an instance from requested to converged, a lane for each component. Widths go by the square root of the time, so that a
/// second beside an hour is still seen. Pure.
/// </summary>
public sealed class Way
{
    /// <summary>Of fewer that converged no window is shown: it would say little.</summary>
    public const int Fewest = 5;

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

    /// <param name="instance">Whose.</param>
    /// <param name="events">Its timeline.</param>
    /// <param name="now">Of a step that runs, its end.</param>
    /// <param name="windows">Of its profile.</param>
    public static Way Of(Instance instance, IEnumerable<TimelineEvent> events, DateTimeOffset now,
        IReadOnlyList<StepWindow>? windows = null)
    {
        ArgumentNullException.ThrowIfNull(instance);
        var lines = events.Where(e => e.At is not null).OrderBy(e => e.At.ToDateTimeOffset()).ToList();
        var times = Times(instance, now);
        var usual = Steps.Select(s => windows?.FirstOrDefault(w => w.From == s.From && w.To == s.To && w.Count >= Fewest)).ToList();
        // 1. How wide each is; what is to come has the width that it usually gets.
        var weights = times.Select((t, i) => t.From is not null ? Root(t.Until!.Value - t.From.Value)
            : usual[i] is { } w ? Root(w.P50.ToTimeSpan()) : 0).ToList();
        var (before, most) = (0.0, 1e-9);
        var longest = 4 * weights.Sum() + 1;
        for (var i = 0; i < weights.Count; before += weights[i++])
            most = Math.Max(most, before + Math.Max(weights[i], usual[i] is { } w ? Math.Min(Root(w.P90.ToTimeSpan()), longest) : 0));
        var scale = (Whole - Steps.Length * Least) / Math.Max(most, weights.Sum());
        // 2. Each with its lines.
        var (x, all, ticks) = (0.0, new List<Step>(), new List<Tick>());
        foreach (var (i, (from, until, end)) in times.Index())
        {
            var width = Least + scale * weights[i];
            var own = lines.Where(l => StepOf(l, times) == i).ToList();
            double Place(DateTimeOffset at) =>
                x + width * (until > from ? Math.Clamp((at - from.Value) / (until.Value - from.Value), 0, 1) : 0);
            all.Add(new(Steps[i].Lane, Steps[i].What, from, until, end, x, width)
            {
                Lines = own,
                Usual = usual[i] is { } w ? UsualOf(w, x + Least, scale) : null,
                Gap = from is null ? null : GapOf(from.Value, until!.Value, own, usual[i]?.P90?.ToTimeSpan(), Place),
            });
            ticks.AddRange(own.Where(l => IsWithin(l, from, until))
                .Select(l => new Tick(Steps[i].Lane, Place(l.At.ToDateTimeOffset()), IsBad(l))));
            x += width;
        }
        return new(all, ticks);
    }

    private static Usual UsualOf(StepWindow window, double x, double scale)
    {
        var (fast, slow) = (window.P10.ToTimeSpan(), window.P90.ToTimeSpan());
        var begin = Math.Min(x + scale * Root(fast), Whole - 4);
        return new(fast, window.P50.ToTimeSpan(), slow, window.Count, begin,
            Math.Clamp(scale * (Root(slow) - Root(fast)), 4, Math.Max(4, Whole - begin)));
    }

    // When each began and ended; of one that was not seen to end, the next that was seen says so.
    private static List<(DateTimeOffset? From, DateTimeOffset? Until, StepEnd End)> Times(Instance instance, DateTimeOffset now)
    {
        var at = instance.States.GroupBy(s => s.State).ToDictionary(g => g.Key, g => g.First().At.ToDateTimeOffset());
        var ended = at.TryGetValue(InstanceState.Terminating, out var end) || at.TryGetValue(InstanceState.Terminated, out end);
        var last = ended ? end : now;
        var times = new List<(DateTimeOffset? From, DateTimeOffset? Until, StepEnd End)>();
        DateTimeOffset? from = at.TryGetValue(InstanceState.Requested, out var requested)
            ? requested : instance.CreatedAt?.ToDateTimeOffset();
        foreach (var (index, step) in Steps.Index())
        {
            DateTimeOffset? reached = Steps.Skip(index).Where(s => at.ContainsKey(s.To)).Select(s => (DateTimeOffset?)at[s.To])
                .FirstOrDefault();
            times.Add(from is not { } begin ? (null, null, StepEnd.ToCome)
                : reached is { } done ? (begin, Later(done, begin), StepEnd.Done)
                : (begin, Later(last, begin), ended || IsStuck(instance) ? StepEnd.Stuck : StepEnd.Running));
            from = reached is null ? null : times[^1].Until;
        }
        return times;
    }

    // That of its lane, where the line is of its time or the step is still to come; else the one of that time, of any service. What was
    // before and after all of them is its lane's again.
    private static int StepOf(TimelineEvent line, List<(DateTimeOffset? From, DateTimeOffset? Until, StepEnd End)> times)
    {
        var own = Array.FindIndex(Steps, s => s.Lane == LaneOf(line));
        if (own >= 0 && (times[own].From is null || IsWithin(line, times[own].From, times[own].Until)))
            return own;
        var then = times.FindIndex(t => IsWithin(line, t.From, t.Until));
        return then >= 0 ? then : own >= 0 ? own : Math.Max(0, times.FindLastIndex(t => t.From is not null));
    }

    // Clocks of different hosts.
    internal static bool IsWithin(TimelineEvent line, DateTimeOffset? from, DateTimeOffset? until) =>
        line.At.ToDateTimeOffset() is var at && at >= from?.AddSeconds(-1) && at <= until?.AddSeconds(1);

    // Half of the step and more, at least 30 s, and longer than the whole step usually takes.
    private static Gap? GapOf(DateTimeOffset from, DateTimeOffset until, List<TimelineEvent> lines, TimeSpan? usual,
        Func<DateTimeOffset, double> place)
    {
        var marks = lines.Select(l => l.At.ToDateTimeOffset()).Where(a => a > from && a < until).Prepend(from).Append(until).ToList();
        var (begin, end) = marks.Zip(marks.Skip(1)).MaxBy(p => p.Second - p.First);
        var length = end - begin;
        return length < TimeSpan.FromSeconds(30) || length * 2 < until - from || length < usual ? null
            : new(length, place(begin), Math.Max(0, place(end) - place(begin)));
    }

    private static double Root(TimeSpan span) => Math.Sqrt(Math.Max(0, span.TotalSeconds));

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

    /// <summary>It says that something was done once more, or did not work.</summary>
    public static bool IsRetry(TimelineEvent line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return IsBad(line) || line.Key.StartsWith("launch-attempt-", StringComparison.Ordinal)
            || line.Key.StartsWith("retried-", StringComparison.Ordinal) || line.Key.StartsWith("run-partial-", StringComparison.Ordinal);
    }

    private static bool IsStuck(Instance instance) => InstanceText.Wrong(instance)
        .Any(c => c.Severity == ConditionSeverity.Error || c.Type == ConditionType.Stalled);

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;
}
