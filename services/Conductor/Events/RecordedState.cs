using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Events;

/// <summary>What the log of events says of one instance; the difference to what it is now is the next events. Immutable.</summary>
/// <param name="States">A bit for each state that had its event.</param>
/// <param name="Serial">Of the last certificate that had its event.</param>
/// <param name="Conditions">Those that hold: type, and reason after a space; in order.</param>
internal sealed record RecordedState(uint States, string Serial, IReadOnlyList<string> Conditions)
{
    public static readonly RecordedState Nothing = new(0, "", []);

    public static RecordedState Of(Instance now) => new(
        now.States.Aggregate(0u, (mask, s) => mask | (1u << (int)s.State)), now.Serial,
        now.Conditions.Count == 0 ? Nothing.Conditions
            : [.. now.Conditions.Select(KeyOf).Distinct().Order(StringComparer.Ordinal).Select(string.Intern)]);

    public static RecordedState Of(RecordedInstance stored) => new(stored.States, stored.Serial,
        stored.Conditions.Count == 0 ? Nothing.Conditions : [.. stored.Conditions.Select(string.Intern)]);

    public RecordedInstance Stored(CertName name) =>
        new() { Certname = name.ToString(), States = States, Serial = Serial, Conditions = { Conditions } };

    /// <summary>
    /// What became of it since: states in their order, the certificate, conditions that ended, conditions that began. Pure.
    /// </summary>
    /// <param name="now">As it is.</param>
    /// <param name="isOver">Whether a condition that does not show is known to be over; what is not goes on.</param>
    /// <param name="at">When that was found, for what has no time of its own.</param>
    /// <returns>Without cursors; empty where nothing did.</returns>
    public IReadOnlyList<Event> Until(Instance now, Func<string, bool> isOver, DateTimeOffset at)
    {
        var found = Timestamp.FromDateTimeOffset(at);
        var events = new List<Event>();
        foreach (var reached in now.States.Where(s => (States & (1u << (int)s.State)) == 0))
        {
            events.Add(About(now, EventTypes.Of(reached.State), reached.At));
            if (reached.State == InstanceState.Signed && now.Serial.Length > 0 && Serial.Length == 0)
                events.Add(Signed(now, reached.At));
        }
        if (now.Serial.Length > 0 && now.Serial != Serial && !events.Exists(e => e.Type == EventTypes.Signed))
            events.Add(Signed(now, found));
        var held = now.Conditions.Select(KeyOf).ToHashSet(StringComparer.Ordinal);
        var shown = now.Conditions.Select(c => EnumWord.Of(c.Type)).ToHashSet(StringComparer.Ordinal);
        foreach (var (type, reason) in Conditions.Where(c => !held.Contains(c)).Select(Parts)
            .Where(c => shown.Contains(c.Type) || isOver(c.Type)))
        {
            var off = About(now, EventTypes.Of(type, on: false), found);
            off.Reason = reason;
            events.Add(off);
        }
        foreach (var began in now.Conditions.Where(c => !Conditions.Contains(KeyOf(c))).DistinctBy(KeyOf))
        {
            events.Add(About(now, EventTypes.Of(EnumWord.Of(began.Type), on: true), began));
            if (began.Type is ConditionType.CsrHeld or ConditionType.CsrRefused)
                events.Add(About(now, began.Type == ConditionType.CsrHeld ? EventTypes.Held : EventTypes.Refused, began));
        }
        return events;
    }

    /// <summary>Its end is in the log, and no condition goes on.</summary>
    public bool IsOver => (States & (1u << (int)InstanceState.Terminated)) != 0 && Conditions.Count == 0;

    /// <summary>Whether it has conditions that do not show, and are perhaps over.</summary>
    public bool IsUnsure(Instance now) => Conditions.Count > 0 && !Conditions.All(now.Conditions.Select(KeyOf).Contains);

    /// <summary>The same after one more event: how the log is read again. Pure.</summary>
    public RecordedState After(Event logged)
    {
        var word = logged.Type.Split('.');
        return word switch
        {
            [_, "instance", var text] when ByWord.TryGetValue(text, out var state) => this with { States = States | (1u << (int)state) },
            [_, "certificate", "signed"] => this with { Serial = logged.Serial },
            [_, "condition", var type, "on"] =>
                this with { Conditions = [.. Conditions.Append(Key(type, logged.Reason)).Distinct().Order(StringComparer.Ordinal)] },
            [_, "condition", var type, "off"] => this with { Conditions = [.. Conditions.Where(c => c != Key(type, logged.Reason))] },
            _ => this,
        };
    }

    private static readonly Dictionary<string, InstanceState> ByWord =
        System.Enum.GetValues<InstanceState>().ToDictionary(EnumWord.Of, s => s, StringComparer.Ordinal);

    private static Event Signed(Instance now, Timestamp at)
    {
        var signed = About(now, EventTypes.Signed, at);
        signed.Serial = now.Serial;
        return signed;
    }

    private static Event About(Instance now, string type, Condition condition)
    {
        var about = About(now, type, condition.Since);
        (about.Reason, about.Message, about.Next) = (condition.Reason, condition.Message, condition.Next);
        about.Severity = EnumWord.Of(condition.Severity);
        return about;
    }

    private static Event About(Instance now, string type, Timestamp at) => new()
    {
        Type = type, At = at, Certname = now.Certname, State = EnumWord.Of(now.State), Profile = now.Profile, Role = now.Role,
        Labels = { now.Labels }, Provider = now.Provider, InstanceId = now.InstanceId, TraceId = now.TraceId,
    };

    private static string KeyOf(Condition condition) => Key(EnumWord.Of(condition.Type), condition.Reason);

    private static string Key(string type, string reason) => reason.Length == 0 ? type : $"{type} {reason}";

    private static (string Type, string Reason) Parts(string key) =>
        key.Split(' ', 2) is [var type, var reason] ? (type, reason) : (key, "");
}
