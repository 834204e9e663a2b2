using Overture.Conductor.V1;

namespace Overture.Conductor.Instances;

/// <summary>How long the steps of an instance took that converged: a few numbers, as there may be 100,000.</summary>
internal sealed class ConvergedWay
{
    /// <summary>The states that steps lie between, in order.</summary>
    public static readonly IReadOnlyList<InstanceState> States = [InstanceState.Requested, InstanceState.Launching, InstanceState.Running,
        InstanceState.CsrReceived, InstanceState.Signed, InstanceState.Classified, InstanceState.Converged];

    private readonly int[] steps;

    private ConvergedWay(DateTimeOffset at, int[] steps, int whole) => (At, this.steps, Whole) = (at, steps, whole);

    /// <summary>When it converged.</summary>
    public DateTimeOffset At { get; }

    /// <summary>From requested to converged, in ms.</summary>
    public int Whole { get; }

    /// <param name="index">Of the state that it begins with.</param>
    /// <returns>In ms; null: one of its ends was not seen.</returns>
    public int? Step(int index) => steps[index] < 0 ? null : steps[index];

    /// <returns>Null: it has not converged.</returns>
    public static ConvergedWay? Of(InstanceRecords records)
    {
        var at = InstanceProjection.Reached(records).ToDictionary(r => r.State, r => r.At);
        if (!at.TryGetValue(InstanceState.Converged, out var converged))
            return null;
        // Nothing was launched of one that was registered: its first steps took no time, which says nothing of others.
        if (records.Launch.Provider == InstanceRecords.RegisteredProvider)
            at.Remove(InstanceState.Launching);
        var steps = States.Zip(States.Skip(1), (from, to) => at.TryGetValue(from, out var begin) && at.TryGetValue(to, out var end)
            ? Milliseconds(end - begin) : -1);
        return new(converged, [.. steps], Milliseconds(converged - at[InstanceState.Requested]));
    }

    // Clocks of different hosts: an end before its beginning took no time.
    private static int Milliseconds(TimeSpan span) => (int)Math.Clamp(span.TotalMilliseconds, 0, int.MaxValue);
}
