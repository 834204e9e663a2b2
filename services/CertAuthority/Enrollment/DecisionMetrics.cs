using System.Diagnostics.Metrics;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Telemetry;

namespace Overture.CertAuthority.Enrollment;

/// <summary>Decisions on certificate requests as a metric; what a stranger can choose is no label.</summary>
internal static class DecisionMetrics
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Decisions =
        Meter.CreateCounter<long>(FlowTelemetry.Decisions, "{request}", "decisions on certificate requests");

    /// <summary>What an alert looks at: two keys with one token.</summary>
    public static void FromZero()
    {
        Add(0, DecisionOutcome.Refuse, Reason.TokenConflict);
        Add(0, DecisionOutcome.Refuse, Reason.TokenSpent);
    }

    public static void Count(DecisionOutcome outcome, Reason reason) => Add(1, outcome, reason);

    private static void Add(int count, DecisionOutcome outcome, Reason reason) =>
        Decisions.Add(count, new("outcome", outcome.Text()), new KeyValuePair<string, object?>("reason", reason.Code()));
}
