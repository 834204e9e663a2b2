using Overture.Conductor.V1;

namespace Overture.Conductor.Instances;

/// <summary>
/// What counts and most filters ask of an instance, and what many have in common: <see cref="InstanceRows"/> counts each kind, so that a
/// question by kind looks at some kinds and not at 100,000 instances.
/// </summary>
/// <param name="State">Of the instance.</param>
/// <param name="Conditions">A bit for each type that holds (<see cref="Bit"/>).</param>
/// <param name="IsHealthy">It has not ended, and nothing is wrong with it.</param>
/// <param name="MayHaveCause">Something is known that may be why it is not ready.</param>
/// <param name="HasConverged">Once: it may have been terminated since.</param>
/// <param name="IsOwn">It is what Overture or a puppetserver runs on.</param>
/// <param name="Profile">Empty: none.</param>
/// <param name="LaunchedBy">Who asked for it.</param>
internal sealed record InstanceKind(InstanceState State, uint Conditions, bool IsHealthy, bool MayHaveCause, bool HasConverged, bool IsOwn,
    string Profile, string LaunchedBy)
{
    /// <summary>The types of conditions that hold, in order.</summary>
    public IEnumerable<ConditionType> Types => Enum.GetValues<ConditionType>().Where(t => (Conditions & Bit(t)) != 0);

    public static uint Bit(ConditionType type) => 1u << (int)type;
}
