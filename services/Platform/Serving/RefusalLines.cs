using Microsoft.Extensions.Logging;
using Overture.Platform.Options;
using Overture.Platform.Telemetry;

namespace Overture.Platform.Serving;

/// <summary>
/// Asked before each log line that a stranger can cause. What is over the budget (<see cref="ServiceOptions.RefusalLinesPerMinute"/>, a
/// tenth of it for one address) is said once a minute in one line for each address and kind, with its count.
/// </summary>
public sealed partial class RefusalLines(ServiceOptions options, TimeProvider clock, ILogger<RefusalLines> log)
    : PeriodicWorker(TimeSpan.FromMinutes(1), clock)
{
    private const int MaxSummaries = 50;
    private readonly WriteBudget budget = new(new(options.RefusalLinesPerMinute, Math.Max(1, options.RefusalLinesPerMinute / 2),
        Math.Max(1, options.RefusalLinesPerMinute / 10)), clock);

    /// <param name="source">An address, as in the line.</param>
    /// <param name="kind">The event, and its reason: one of a set that strangers can't enlarge.</param>
    /// <param name="sample">What the line says beside that.</param>
    /// <returns>True: write the line. False: it is counted.</returns>
    public bool Allow(string source, string kind, string sample = "") => budget.Take(source, kind, sample);

    /// <summary>Says what was counted since the last time.</summary>
    public void WriteSummaries()
    {
        foreach (var counted in budget.Drain(MaxSummaries))
        {
            Counted(log, counted.Count, counted.Kind, counted.Source.Length > 0 ? counted.Source : "further addresses",
                string.Join("; ", counted.Samples));
        }
    }

    protected override bool AtStop => true;

    protected override Task Turn(CancellationToken cancel)
    {
        WriteSummaries();
        return Task.CompletedTask;
    }

    [LoggerMessage(EventId = 30, EventName = "refusals.counted", Level = LogLevel.Warning,
        Message = "{Count} more lines {Kind} of {Source} in the last minute, e.g. {Sample}")]
    private static partial void Counted(ILogger logger, long count, string kind, string source, string sample);
}
