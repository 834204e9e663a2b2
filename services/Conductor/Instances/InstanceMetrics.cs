using System.Diagnostics.Metrics;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Instances;

/// <summary>Launches, and how long the way to the first good run takes, as metrics.</summary>
internal static class InstanceMetrics
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Launches =
        Meter.CreateCounter<long>(FlowTelemetry.Launches, "{instance}", "instances that a provider was asked to start");
    private static readonly Histogram<double> ConvergeTime =
        Meter.CreateHistogram<double>(FlowTelemetry.ConvergeTime, "s", "time from launch to first good run");
    private static readonly Histogram<double> StepTime =
        Meter.CreateHistogram<double>(FlowTelemetry.StepTime, "s", "time of one step from launch to first good run");

    /// <param name="provider">"ec2".</param>
    /// <param name="outcome">"started" or "refused".</param>
    public static void Launched(string provider, string outcome) => Count(1, provider, outcome);

    /// <summary>Adds zero to both outcomes of each provider: an alert looks at them.</summary>
    /// <param name="providers">Names; one may come again.</param>
    public static void LaunchesFromZero(IEnumerable<string> providers)
    {
        foreach (var provider in providers)
        {
            Count(0, provider, "started");
            Count(0, provider, "refused");
        }
    }

    /// <summary>An instance reached its first good run: the whole way, and each step of it by the state that it ends in.</summary>
    /// <param name="records">Of it, before that.</param>
    /// <param name="at">When.</param>
    public static void Converged(InstanceRecords records, DateTimeOffset at)
    {
        var profile = new KeyValuePair<string, object?>("profile", records.Launch.Profile);
        var before = records.Launch.NotBefore.ToDateTimeOffset();
        ConvergeTime.Record(Math.Max(0, (at - before).TotalSeconds), profile);
        (string Step, DateTimeOffset? At)[] steps =
        [
            ("launched", records.Fact(InstanceEvents.Launched)?.At.Maybe()), ("running", records.Fact(InstanceEvents.Running)?.At.Maybe()),
            ("csr-received", records.Claim?.At.Maybe()), ("signed", records.Certificate?.At.Maybe()),
            ("classified", records.FirstServed?.At.Maybe()), ("converged", at),
        ];
        foreach (var (step, reached) in steps)
        {
            if (reached is not { } now)
                continue;
            StepTime.Record(Math.Max(0, (now - before).TotalSeconds), new("step", step), profile);
            before = now;
        }
    }

    private static void Count(int instances, string provider, string outcome) =>
        Launches.Add(instances, new("provider", provider), new KeyValuePair<string, object?>("outcome", outcome));
}
