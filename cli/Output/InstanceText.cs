using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;

namespace Overture.Cli.Output;

/// <summary>How an instance and its state read: "csr-received", "run-failed", "3m".</summary>
internal static class InstanceText
{
    public static string State(InstanceState state) => state switch
    {
        InstanceState.Unspecified => "unknown",
        InstanceState.CsrReceived => "csr-received",
        _ => state.ToString().ToLowerInvariant(),
    };

    public static string Trouble(InstanceTrouble trouble) => trouble switch
    {
        InstanceTrouble.Unspecified => "",
        InstanceTrouble.LaunchFailed => "launch-failed",
        InstanceTrouble.BootStalled => "boot-stalled",
        InstanceTrouble.CsrHeld => "csr-held",
        InstanceTrouble.CsrRefused => "csr-refused",
        InstanceTrouble.RunFailed => "run-failed",
        InstanceTrouble.PartialRun => "partial-run",
        _ => "unknown",
    };

    /// <summary>Every state a person may name, in order.</summary>
    public static IReadOnlyDictionary<string, InstanceState> States { get; } =
        System.Enum.GetValues<InstanceState>().Where(s => s != InstanceState.Unspecified).ToDictionary(State, s => s);

    /// <summary>State, and what went wrong where something did.</summary>
    public static string Summary(Instance instance) =>
        instance.Trouble == InstanceTrouble.Unspecified ? State(instance.State)
        : $"{State(instance.State)}, {Trouble(instance.Trouble)}{(instance.TroubleDetail.Length > 0 ? ": " + instance.TroubleDetail : "")}";

    public static string Time(Timestamp? at) => at is null ? "" : Times.Exact(at.ToDateTimeOffset());

    public static string Age(Timestamp? since, TimeProvider clock)
    {
        if (since is null)
            return "";
        var age = clock.GetUtcNow() - since.ToDateTimeOffset();
        return age switch
        {
            { TotalSeconds: < 120 } => $"{Math.Max(0, (int)age.TotalSeconds)}s",
            { TotalMinutes: < 120 } => $"{(int)age.TotalMinutes}m",
            { TotalHours: < 48 } => $"{(int)age.TotalHours}h",
            _ => $"{(int)age.TotalDays}d",
        };
    }
}
