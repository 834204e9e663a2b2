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
        if (answer is not { Hours: { Count: > 0 } hours })
            return null;
        var most = hours.Max(h => h.P95.ToTimeSpan());
        double Top(TimeSpan span) => Height - Math.Max(Least, most > TimeSpan.Zero ? span / most * (Height - 2) : 0);
        var count = hours.Sum(h => h.Count);
        var typical = hours.OrderBy(h => h.P50.ToTimeSpan()).ElementAt(hours.Count / 2).P50.ToTimeSpan();
        return new($"{Say.Count(count)} converged in the last day: usually within {Say.Span(typical)}, at worst 95 of 100 within "
            + $"{Say.Span(most)}.",
            [.. hours.Select(h =>
            {
                var ago = (int)Math.Floor((now - h.From.ToDateTimeOffset()).TotalHours);
                var x = Place * Math.Clamp(Day - 1 - ago, 0, Day - 1) + 1;
                return new TrendHour(x, Top(h.P50.ToTimeSpan()), Top(h.P95.ToTimeSpan()),
                    $"{Say.Clock(h.From.ToDateTimeOffset())[..5]}: {Say.Count(h.Count)} converged, half within {Say.Span(h.P50.ToTimeSpan())}, 95 of 100 within {Say.Span(h.P95.ToTimeSpan())}");
            })]);
    }
}

/// <summary>One hour of it.</summary>
/// <param name="X">Its left edge.</param>
/// <param name="Y50">Top of what half of them took.</param>
/// <param name="Y95">Of what 95 of 100 did.</param>
/// <param name="Sentence">For people.</param>
public sealed record TrendHour(double X, double Y50, double Y95, string Sentence);
