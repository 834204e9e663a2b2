using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Overture.Platform.Telemetry;

namespace Overture.Classifier.Documents;

/// <summary>Says that an edit in the bucket broke a rule: in the log and by a counter.</summary>
internal static partial class BrokenEdits
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Count =
        Meter.CreateCounter<long>(FlowTelemetry.BrokenEdits, "{edit}", "edits in the bucket that broke a rule and are not served");

    public static void Report(ILogger log, string key, string version, string rules)
    {
        Count.Add(1, new KeyValuePair<string, object?>("document", key.Split('/')[0]));
        Broken(log, key, version, rules);
    }

    [LoggerMessage(EventId = 200, EventName = "definition.broken", Level = LogLevel.Error,
        Message = "{Key}, version {Version}, is not served, the last good version is: {Rules}")]
    private static partial void Broken(ILogger logger, string key, string version, string rules);
}
