using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Platform.Objects;

/// <summary>
/// What a record must hold to be one, for every reader: "{}" parses. What only CertAuthority needs of its own records, it looks for itself;
/// whether a writer may be believed, seals and signatures say. Pure.
/// </summary>
public static class RecordRules
{
    private const int MostEvents = 500;

    /// <returns>The rule it breaks, as the rest of a sentence that begins with the key; null: none.</returns>
    public static string? Problem(string key, IMessage record)
    {
        bool IsIn(string prefix) => key.StartsWith(prefix, StringComparison.Ordinal);
        return record switch
        {
            Block b when IsIn(ObjectKeys.Blocks) => b.At is null ? Lacks("at") : null,
            NodeHistory h when IsIn("history/") || IsIn("classification/history/") => h.At is null ? Lacks("at") : null,
            SignedLaunch l when IsIn(ObjectKeys.Launches) => l.Payload.IsEmpty ? Lacks("payload") : null,
            EventBatch b when IsIn(ObjectKeys.EventLog) => Problem(key[ObjectKeys.EventLog.Length..], b),
            WebhookPosition p when IsIn("events/webhooks/") => p.At is null ? Lacks("at") : null,
            DeadLetter l when IsIn(ObjectKeys.DeadLetters) => l.Event is null ? Lacks("event") : Problem(l.Event),
            Struct s when IsIn("ca/keys/") => s.Fields.ContainsKey("certname") ? null : Lacks("certname"),
            _ => null,
        };
    }

    // Numbers stay so far below the largest that there is always a next one.
    private static string? Problem(string number, EventBatch batch)
    {
        if (!ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var first) || first is 0 or > long.MaxValue)
            return "is no part of the log: its name is no number of an event";
        if (batch.Events.Count is 0 or > MostEvents)
            return $"is damaged: it has {batch.Events.Count} events, and each object has 1 to {MostEvents}";
        if (batch.At is null)
            return Lacks("at");
        for (var i = 0; i < batch.Events.Count; i++)
        {
            if (batch.Events[i].Cursor != (first + (ulong)i).ToString(CultureInfo.InvariantCulture))
                return "is damaged: its events are not numbered from its name on";
            if (Problem(batch.Events[i]) is { } problem)
                return problem;
        }
        return null;
    }

    private static string? Problem(Event found) =>
        found.At is null ? Lacks("at in an event") : found.Type.Length == 0 ? Lacks("type in an event")
            : CertName.TryParse(found.Certname, out _, out _) ? null : "is damaged: the certname of an event is none";

    /// <summary>The sentence for a field that is missing.</summary>
    public static string Lacks(string field) => $"is damaged: it has no {field}";
}
