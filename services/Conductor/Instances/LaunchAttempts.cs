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

    // At one place, more of them share an id that counts as unanswered: an instance keeps few facts, however often a script asks. Where
    // there are several places each needs its own answer, for none may be open when the next place is asked.
    private const string More = "more";
    private const int Most = 10, MostAtPlaces = 500;

    /// <summary>The id of the next one; write <see cref="InstanceEvents.LaunchAttempt"/> with it first.</summary>
    /// <param name="records">What is known.</param>
    /// <param name="ids">Makes it.</param>
    /// <param name="places">How many places the launch may go to.</param>
    public static string Next(InstanceRecords records, Ids ids, int places = 1) =>
        places > 1 || Made(records).Count() < Most ? ids.Ordered() : More;

    /// <summary>A launch with several places was asked for as often as may be recorded.</summary>
    public static bool AreTooMany(InstanceRecords records) => Made(records).Count() >= MostAtPlaces;

    /// <summary>
    /// The place to ask next: that of the last attempt, whose client token it has, or the one after it where the answer was that another
    /// may have room and no attempt is open.
    /// </summary>
    public static int Place(InstanceRecords records, int places)
    {
        var last = Last(records);
        return HadNoRoom(records) && Open(records).Count == 0 ? (last.Place + 1) % places : last.Place;
    }

    /// <summary>The answer to the last attempt was that another place may have room.</summary>
    public static bool HadNoRoom(InstanceRecords records) =>
        records.Fact(InstanceEvents.LaunchRefused + Last(records).Id)?.Elsewhere == true;

    /// <summary>The attempts whose answers are not known.</summary>
    public static IReadOnlyList<string> Unanswered(InstanceRecords records) => Open(records);

    /// <summary>No other place may be asked before it is known what the unanswered attempts began.</summary>
    public static bool Waits(InstanceRecords records) => Open(records) is { Count: > 0 } open
        && (HadNoRoom(records) || Last(records) is var last && open.Exists(id => PlaceOf(records, id) != last.Place));

    /// <summary>When the last of the open attempts was announced; the minimum: none is open; the maximum: that is not known.</summary>
    public static DateTimeOffset LastOpen(InstanceRecords records) =>
        Open(records).Select(id => AnnouncedAt(records, id)).Append(DateTimeOffset.MinValue).Max();

    /// <summary>An attempt at another place has no answer yet.</summary>
    public static bool IsAskedElsewhere(InstanceRecords records, string id, int place) =>
        Open(records).Exists(o => o != id && PlaceOf(records, o) != place);

    private static (string Id, int Place) Last(InstanceRecords records)
    {
        var id = Made(records).Where(i => i != More).Append(First).MaxBy(i => (AnnouncedAt(records, i), i))!;
        return Made(records).Contains(More) ? (More, PlaceOf(records, More)) : (id, PlaceOf(records, id));
    }

    private static int PlaceOf(InstanceRecords records, string id) =>
        (int)(records.Fact(InstanceEvents.LaunchAttempt + id)?.Place ?? 0);

    /// <summary>When that attempt was announced; the maximum: that is not known.</summary>
    public static DateTimeOffset AnnouncedAt(InstanceRecords records, string id) =>
        id == First ? records.Launch.NotBefore.ToDateTimeOffset() : id == More ? DateTimeOffset.MaxValue
        : records.Fact(InstanceEvents.LaunchAttempt + id)?.At.Maybe() ?? DateTimeOffset.MaxValue;

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
