using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Events;

/// <summary>Every type of event that there is (docs/events.md; a test compares).</summary>
internal static class EventTypes
{
    public const string Prefix = "overture.";

    /// <summary>A certificate was signed, first or by renewal.</summary>
    public const string Signed = "overture.certificate.signed";

    /// <summary>A certificate request waits for a person.</summary>
    public const string Held = "overture.certificate.held";

    /// <summary>A certificate request was refused.</summary>
    public const string Refused = "overture.certificate.refused";

    /// <summary>The instance reached this state.</summary>
    public static string Of(InstanceState state) => $"overture.instance.{EnumWord.Of(state)}";

    /// <summary>This condition holds from now on, or no longer.</summary>
    /// <param name="condition">"csr-held".</param>
    public static string Of(string condition, bool on) => $"overture.condition.{condition}.{(on ? "on" : "off")}";

    public static IReadOnlyList<string> All { get; } =
    [
        .. Enum.GetValues<InstanceState>().Where(s => s != InstanceState.Unspecified).Select(Of),
        .. Enum.GetValues<ConditionType>().Where(c => c != ConditionType.Unspecified).Select(EnumWord.Of)
            .SelectMany(c => new[] { Of(c, on: true), Of(c, on: false) }),
        Signed, Held, Refused,
    ];
}
