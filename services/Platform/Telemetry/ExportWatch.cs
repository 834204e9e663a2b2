using Microsoft.Extensions.Logging;

namespace Overture.Platform.Telemetry;

/// <summary>
/// What becomes of spans or metrics on their way to the collector: one warning when some are lost, one line when they are taken again.
/// </summary>
/// <param name="what">"spans" or "metric exports".</param>
/// <param name="cause">Why an export failed last, as the exporter says it.</param>
/// <param name="clock">How long an outage was.</param>
/// <param name="log">Where it is said.</param>
internal sealed partial class ExportWatch(string what, Func<string> cause, TimeProvider clock, ILogger<ExportWatch> log)
{
    private readonly Lock gate = new();
    private long lost, since;

    /// <param name="count">How many more are lost.</param>
    /// <param name="why">Instead of the exporter's own words.</param>
    public void Lost(int count, string why = "")
    {
        lock (gate)
        {
            var first = lost == 0;
            lost += count;
            if (!first || count == 0)
                return;
            since = clock.GetTimestamp();
        }
        var reason = why.Length > 0 ? why : cause();
        LostFirst(log, count, what, reason);
    }

    /// <summary>An export was taken.</summary>
    public void Sent()
    {
        if (End() is var (count, seconds))
            SentAgain(log, what, count, seconds);
    }

    /// <summary>The process ends.</summary>
    public void Close()
    {
        if (End() is var (count, seconds))
            LostAtEnd(log, count, what, seconds);
    }

    private (long Count, double Seconds)? End()
    {
        lock (gate)
        {
            if (lost == 0)
                return null;
            (var count, lost) = (lost, 0);
            return (count, clock.GetElapsedTime(since).TotalSeconds);
        }
    }

    [LoggerMessage(EventId = 36, EventName = "telemetry.lost", Level = LogLevel.Warning,
        Message = "{Count} {What} could not be sent and are lost, as are further ones until this heals: {Cause}; does the collector "
            + "(OTEL_EXPORTER_OTLP_ENDPOINT) run and have space?")]
    private static partial void LostFirst(ILogger logger, int count, string what, string cause);

    [LoggerMessage(EventId = 37, EventName = "telemetry.sent_again", Level = LogLevel.Information,
        Message = "{What} are accepted again; {Count} were lost in {Seconds:0} s")]
    private static partial void SentAgain(ILogger logger, string what, long count, double seconds);

    [LoggerMessage(EventId = 38, EventName = "telemetry.lost_at_end", Level = LogLevel.Warning,
        Message = "{Count} {What} were lost in the last {Seconds:0} s")]
    private static partial void LostAtEnd(ILogger logger, long count, string what, double seconds);
}
