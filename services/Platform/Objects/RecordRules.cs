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
    /// <returns>The rule it breaks, as the rest of a sentence that begins with the key; null: none.</returns>
    public static string? Problem(string key, IMessage record)
    {
        bool IsIn(string prefix) => key.StartsWith(prefix, StringComparison.Ordinal);
        return record switch
        {
            Block b when IsIn(ObjectKeys.Blocks) => b.At is null ? Lacks("at") : null,
            NodeHistory h when IsIn("history/") || IsIn("classification/history/") => h.At is null ? Lacks("at") : null,
            SignedLaunch l when IsIn(ObjectKeys.Launches) => l.Payload.IsEmpty ? Lacks("payload") : null,
            Struct s when IsIn("ca/keys/") => s.Fields.ContainsKey("certname") ? null : Lacks("certname"),
            _ => null,
        };
    }

    /// <summary>The sentence for a field that is missing.</summary>
    public static string Lacks(string field) => $"is damaged: it has no {field}";
}
