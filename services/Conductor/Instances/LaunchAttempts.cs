using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>
/// How often the provider was asked for an instance, and whether each of its answers said that nothing was started. A name is generated
/// for its first attempt; each later one is a fact before it is made, so what a lost answer may have begun is never taken for nothing.
/// </summary>
internal static class LaunchAttempts
{
    /// <summary>Id of the attempt that no fact announces: the one by the call that wrote the launch record.</summary>
    public const string First = "first";

    // More of them share an id that counts as unanswered: an instance keeps few facts, however often a script asks.
    private const string More = "more";
    private const int Most = 10;

    /// <summary>The id of the next one; write <see cref="InstanceEvents.LaunchAttempt"/> with it first.</summary>
    public static string Next(InstanceRecords records, Ids ids) => Made(records).Count() < Most ? ids.Ordered() : More;

    /// <summary>Whether a further attempt has to be announced: it would else be covered by the answers before it.</summary>
    public static bool Answered(InstanceRecords records) => Refused(records).Count > 0;

    /// <summary>Every attempt was answered, and by none was anything started: there is nothing to end.</summary>
    public static bool StartedNothing(InstanceRecords records) =>
        records.Fact(InstanceEvents.Launched) is null && Open(records).Count == 0;

    /// <summary>When the last attempt was made whose answer is not known.</summary>
    /// <param name="records">What is known.</param>
    /// <param name="latest">There was none after that.</param>
    public static DateTimeOffset LastOpen(InstanceRecords records, DateTimeOffset latest)
    {
        var first = records.Launch.NotBefore.ToDateTimeOffset();
        return Open(records).Select(id => id == First ? first : id == More ? latest
            : records.Fact(InstanceEvents.LaunchAttempt + id)?.At.Maybe() ?? latest).Append(first).Max();
    }

    private static List<string> Open(InstanceRecords records)
    {
        var refused = Refused(records);
        return [.. Made(records).Append(First).Where(id => id == More || !refused.Contains(id))];
    }

    private static IEnumerable<string> Made(InstanceRecords records) => Ids(records, InstanceEvents.LaunchAttempt);

    private static HashSet<string> Refused(InstanceRecords records) =>
        Ids(records, InstanceEvents.LaunchRefused).ToHashSet(StringComparer.Ordinal);

    private static IEnumerable<string> Ids(InstanceRecords records, string @event) =>
        records.Facts.Where(f => f.Event.StartsWith(@event, StringComparison.Ordinal)).Select(f => f.Event[@event.Length..]);
}
