using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;

namespace Overture.Console.Tests.Fakes;

/// <summary>How long instances took, as of a fleet that has converged many times.</summary>
internal static class Convergence
{
    private const int All = 412, OfDatabases = 97;

    private static readonly (InstanceState From, double P10, double P50, double P90)[] Steps =
    [
        (InstanceState.Requested, 0.4, 1.1, 2.0), (InstanceState.Launching, 14, 21, 38), (InstanceState.Running, 22, 29, 55),
        (InstanceState.CsrReceived, 1.4, 2.6, 6), (InstanceState.Signed, 2.2, 3.9, 8), (InstanceState.Classified, 33, 49, 90),
    ];

    /// <summary>The last day has a bad hour, and three in which none converged; those of that day were terminated since.</summary>
    /// <param name="filter">Null: of all.</param>
    public static SummarizeConvergenceResponse Of(InstanceFilter? filter = null)
    {
        var answer = new SummarizeConvergenceResponse { Converged = All, P50 = Seconds(104), P95 = Seconds(230) };
        foreach (var (from, p10, p50, p90) in Steps)
            answer.Steps.Add(Window(from, from + 1, All, p10, p50, p90));
        var count = filter?.Profile is "db" ? OfDatabases : All;
        answer.Steps.Add(Window(InstanceState.Requested, InstanceState.Converged, count, 81, 112, 183));
        if (filter?.ShowTerminated == false)
            return answer;
        var hour = new DateTimeOffset(Scene.Now.Year, Scene.Now.Month, Scene.Now.Day, Scene.Now.Hour, 0, 0, TimeSpan.Zero);
        foreach (var i in Enumerable.Range(0, 24).Reverse().Except([19, 20, 21]))
        {
            answer.Hours.Add(new ConvergedHour
            {
                From = hour.AddHours(-i).ToTimestamp(), Count = 4 + i % 7, P50 = Seconds(100 + 9 * (i % 5)),
                P95 = Seconds(i == 6 ? 560 : 170 + 14 * (i % 6)),
            });
        }
        return answer;
    }

    private static StepWindow Window(InstanceState from, InstanceState to, int count, double p10, double p50, double p90) =>
        new() { From = from, To = to, Count = count, P10 = Seconds(p10), P50 = Seconds(p50), P90 = Seconds(p90) };

    private static Duration Seconds(double seconds) => TimeSpan.FromSeconds(seconds).ToDuration();
}
