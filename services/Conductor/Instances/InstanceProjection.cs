using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>
/// Derives the state from the records. Pure, and independent of the order of facts: the state is the highest positive fact.
/// </summary>
internal static class InstanceProjection
{
    public static InstanceState StateOf(InstanceRecords records) => Reached(records).Max(r => r.State);

    /// <param name="records">What is known.</param>
    /// <param name="conditions">Of <see cref="ConditionRules"/>.</param>
    public static Instance From(InstanceRecords records, IReadOnlyList<Condition> conditions)
    {
        var launch = records.Launch;
        var reached = Reached(records).OrderBy(r => r.State).ToList();
        var first = conditions.FirstOrDefault(c => TroubleOf(c.Type) != InstanceTrouble.Unspecified);
        return new Instance
        {
            Certname = launch.Certname,
            State = reached[^1].State,
            Trouble = TroubleOf(first?.Type ?? ConditionType.Unspecified),
            TroubleDetail = first is null ? "" : $"{first.Message} {first.Next}",
            States = { reached.Select(r => new StateTime { State = r.State, At = r.At.ToTimestamp() }) },
            Provider = launch.Provider,
            InstanceId = records.Fact(InstanceEvents.Launched)?.InstanceId ?? "",
            Image = records.Fact(InstanceEvents.Launched)?.Image is { Length: > 0 } image ? image : launch.Image,
            Placed = records.Fact(InstanceEvents.Launched)?.Detail ?? "",
            Account = launch.Account,
            Region = launch.Region,
            InstanceType = launch.InstanceType,
            Profile = launch.Profile,
            Role = launch.Role,
            Labels = { launch.Labels },
            RequestId = launch.RequestId,
            CreatedAt = launch.NotBefore,
            Deadline = launch.Deadline,
            TraceId = TraceIdOf(launch.Traceparent),
            Serial = records.Current?.Serial ?? records.Certificate?.Serial ?? "",
            Environment = launch.Environment,
            Protected = records.Protected,
            Quarantined = records.Quarantine is not null,
            Expires = records.Expires?.ToTimestamp(),
            Addresses = { records.Fact(InstanceEvents.Running)?.Addresses ?? [] },
            Conditions = { conditions },
            LaunchedBy = launch.Caller,
            LastReport = (records.LastRun?.At ?? records.Fact(InstanceEvents.Converged)?.At.Maybe())?.ToTimestamp(),
        };
    }

    /// <summary>Nothing more is to come by itself: converged, terminated, or failed in a way that takes a person.</summary>
    public static bool IsSettled(InstanceState state, IEnumerable<Condition> conditions) =>
        state is InstanceState.Converged or InstanceState.Terminated
        || (state < InstanceState.Terminating && conditions.Any(c => c.Type is ConditionType.LaunchFailed or ConditionType.Stalled
            or ConditionType.RunFailed or ConditionType.Contested or ConditionType.Revoked or ConditionType.Gone));

    private static InstanceTrouble TroubleOf(ConditionType type) => type switch
    {
        ConditionType.LaunchFailed => InstanceTrouble.LaunchFailed,
        ConditionType.Stalled => InstanceTrouble.BootStalled,
        ConditionType.CsrHeld => InstanceTrouble.CsrHeld,
        ConditionType.CsrRefused => InstanceTrouble.CsrRefused,
        ConditionType.RunFailed => InstanceTrouble.RunFailed,
        ConditionType.PartialRun => InstanceTrouble.PartialRun,
        _ => InstanceTrouble.Unspecified,
    };

    /// <summary>The 32 hex digits of a W3C traceparent, or empty.</summary>
    public static string TraceIdOf(string traceparent) => traceparent.Split('-') is [_, { Length: 32 } trace, ..] ? trace : "";

    /// <summary>The states that it reached, each with its time.</summary>
    public static IEnumerable<(InstanceState State, DateTimeOffset At)> Reached(InstanceRecords records)
    {
        var launched = records.Fact(InstanceEvents.Launched)?.At.Maybe();
        var registered = records.Launch.Provider == InstanceRecords.RegisteredProvider;
        (InstanceState State, DateTimeOffset? At)[] facts =
        [
            (InstanceState.Requested, records.Launch.NotBefore.ToDateTimeOffset()),
            (InstanceState.Launching, registered ? records.Launch.NotBefore.Maybe() : launched),
            (InstanceState.Running,
                records.Fact(InstanceEvents.Running)?.At.Maybe()
                ?? (records.Fact(InstanceEvents.Launched) is { Pending: true } ? null : launched)),
            (InstanceState.CsrReceived, records.Claim?.At.Maybe()),
            (InstanceState.Signed, records.Certificate?.At.Maybe()),
            (InstanceState.Classified, records.FirstServed?.At.Maybe()),
            (InstanceState.Converged, records.Fact(InstanceEvents.Converged)?.At.Maybe()),
            (InstanceState.Terminating, records.Fact(InstanceEvents.Terminating)?.At.Maybe()),
            (InstanceState.Terminated, records.Fact(InstanceEvents.Terminated)?.At.Maybe()),
        ];
        return facts.Where(f => f.At is not null).Select(f => (f.State, f.At!.Value));
    }
}
