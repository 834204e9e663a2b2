using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;

namespace Overture.Conductor.State;

/// <summary>Evidence to state. Pure, and blind to the order in which facts came: the state is the highest positive fact.</summary>
internal static class InstanceFold
{
    public static Instance From(Evidence evidence, DateTimeOffset now)
    {
        var launch = evidence.Launch;
        var reached = Reached(evidence).OrderBy(r => r.State).ToList();
        var state = reached[^1].State;
        var trouble = state >= InstanceState.Terminating ? null : Troubles.Standing(evidence, reached.Max(r => r.At), now);
        return new Instance
        {
            Certname = launch.Certname,
            State = state,
            Trouble = trouble?.Kind ?? InstanceTrouble.Unspecified,
            TroubleDetail = trouble?.Detail ?? "",
            States = { reached.Select(r => new StateTime { State = r.State, At = r.At.ToTimestamp() }) },
            Provider = launch.Provider,
            InstanceId = evidence.Fact(FactLog.Launched)?.InstanceId ?? "",
            Image = launch.Image,
            InstanceType = launch.InstanceType,
            Profile = launch.Profile,
            Role = launch.Role,
            Labels = { launch.Labels },
            RequestId = launch.RequestId,
            CreatedAt = launch.NotBefore,
            Deadline = launch.Deadline,
            TraceId = TraceIdOf(launch.Traceparent),
            Serial = evidence.Certificate?.Serial ?? "",
            Environment = launch.Environment,
            Protected = evidence.Protected,
            Quarantined = evidence.Quarantined,
            Expires = evidence.Expires?.ToTimestamp(),
            Addresses = { evidence.Fact(FactLog.Running)?.Addresses ?? [] },
        };
    }

    /// <summary>Nothing more is to come by itself: converged, terminated, or failed in a way that takes a person.</summary>
    public static bool IsSettled(Instance instance) =>
        instance.State is InstanceState.Converged or InstanceState.Terminated
        || (instance.State < InstanceState.Terminating
            && instance.Trouble is InstanceTrouble.LaunchFailed or InstanceTrouble.BootStalled or InstanceTrouble.RunFailed);

    /// <summary>The 32 hex digits of a W3C traceparent, or empty.</summary>
    public static string TraceIdOf(string traceparent) => traceparent.Split('-') is [_, { Length: 32 } trace, ..] ? trace : "";

    private static IEnumerable<(InstanceState State, DateTimeOffset At)> Reached(Evidence evidence)
    {
        var launched = evidence.Fact(FactLog.Launched)?.At.Maybe();
        var registered = evidence.Launch.Provider == LaunchPlan.Registered;
        (InstanceState State, DateTimeOffset? At)[] facts =
        [
            (InstanceState.Requested, evidence.Launch.NotBefore.ToDateTimeOffset()),
            (InstanceState.Launching, registered ? evidence.Launch.NotBefore.Maybe() : launched),
            (InstanceState.Running, evidence.Fact(FactLog.Running)?.At.Maybe() ?? (evidence.Fact(FactLog.Launched) is { Pending: true } ? null : launched)),
            (InstanceState.CsrReceived, evidence.Claim?.At.Maybe()),
            (InstanceState.Signed, evidence.Certificate?.At.Maybe()),
            (InstanceState.Classified, evidence.FirstServed?.At.Maybe()),
            (InstanceState.Converged, evidence.Fact(FactLog.Converged)?.At.Maybe()),
            (InstanceState.Terminating, evidence.Fact(FactLog.Terminating)?.At.Maybe()),
            (InstanceState.Terminated, evidence.Fact(FactLog.Terminated)?.At.Maybe()),
        ];
        return facts.Where(f => f.At is not null).Select(f => (f.State, f.At!.Value));
    }
}
