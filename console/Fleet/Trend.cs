using Overture.Conductor.V1;
using Overture.Console.Layout;

namespace Overture.Console.Fleet;

/// <summary>The times to converge of the last day, drawn on 240 by 40: a place for each hour, the current one at the end. Pure.</summary>
public sealed record Trend(string Sentence, IReadOnlyList<TrendHour> Hours)
{
    public const double Width = 8;

    private const double Place = 10, Height = 40, Least = 2;
    private const int Day = 24;

    /// <returns>Null: none has converged in that time.</returns>
    public static Trend? Of(SummarizeConvergenceResponse? answer, DateTimeOffset now)
    {
        int Ago(ConvergedHour hour) => (int)Math.Floor((now - hour.From.ToDateTimeOffset()).TotalHours);
        // By a clock that is ahead the oldest is of yesterday.
        var hours = answer?.Hours.Where(h => Ago(h) < Day).ToList() ?? [];
        if (hours.Count == 0)
            return null;
        var most = hours.Max(h => h.P95.ToTimeSpan());
        double Top(TimeSpan span) => Height - Math.Max(Least, most > TimeSpan.Zero ? span / most * (Height - 2) : 0);
        var count = hours.Sum(h => h.Count);
        var took = answer is { P50: { } half, P95: { } nearly }
            ? $": half within {Say.Span(half.ToTimeSpan())}, 95 of 100 within {Say.Span(nearly.ToTimeSpan())}" : "";
        return new($"{Say.Count(count)} converged in the last day{took}.",
            [.. hours.Select(h =>
            {
                var x = Place * Math.Min(Day - 1 - Ago(h), Day - 1) + 1;
                return new TrendHour(x, Top(h.P50.ToTimeSpan()), Top(h.P95.ToTimeSpan()),
                    $"{Say.Clock(h.From.ToDateTimeOffset())[..5]}: {Say.Count(h.Count)} converged, half within {Say.Span(h.P50.ToTimeSpan())}, "
                        + $"95 of 100 within {Say.Span(h.P95.ToTimeSpan())}");
            })]);
    }
}

/// <summary>One hour of it.</summary>
/// <param name="X">Its left edge.</param>
/// <param name="Y50">Top of what half of them took.</param>
/// <param name="Y95">Of what 95 of 100 did.</param>
/// <param name="Sentence">For people.</param>
public sealed record TrendHour(double X, double Y50, double Y95, string Sentence);
