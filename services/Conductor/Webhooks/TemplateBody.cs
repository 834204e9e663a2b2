using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Overture.Records.V1;

namespace Overture.Conductor.Webhooks;

/// <summary>The body that a template makes of an event: JSON, whatever the event's texts hold. Pure.</summary>
internal static partial class TemplateBody
{
    private const int Largest = 16 * 1024;

    private static readonly Dictionary<string, Func<Event, string>> Fields = new(StringComparer.Ordinal)
    {
        ["type"] = e => e.Type, ["certname"] = e => e.Certname, ["state"] = e => e.State, ["reason"] = e => e.Reason,
        ["message"] = e => e.Message, ["next"] = e => e.Next, ["severity"] = e => e.Severity, ["serial"] = e => e.Serial,
        ["profile"] = e => e.Profile, ["role"] = e => e.Role, ["provider"] = e => e.Provider, ["instance_id"] = e => e.InstanceId,
        ["trace_id"] = e => e.TraceId, ["cursor"] = e => e.Cursor,
        ["at"] = e => e.At.ToDateTimeOffset().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
    };

    public static byte[] Of(string template, Event found) => Encoding.UTF8.GetBytes(Filled(template,
        field => IsLabel(field) ? found.Labels.GetValueOrDefault(field["label.".Length..], "") : Fields[field](found)));

    /// <summary>The rule that a template breaks, or null.</summary>
    public static string? Problem(string template)
    {
        if (template.Length > Largest)
            return $"must have at most {Largest} characters";
        foreach (var field in Braces().Matches(template).Select(m => m.Groups[1].Value))
        {
            if (!Fields.ContainsKey(field) && !IsLabel(field))
                return $"names {{{{{field}}}}}, which is no field: {string.Join(", ", Fields.Keys)}, label.NAME";
        }
        if (Braces().Replace(template, "").Contains("{{", StringComparison.Ordinal))
            return "has {{ that begins no field: between {{ and }} is one name";
        try
        {
            // A quote shows a field outside a string.
            using var made = JsonDocument.Parse(Filled(template, _ => "\" , \""));
            return null;
        }
        catch (JsonException)
        {
            return "must be JSON, with {{fields}} inside strings alone";
        }
    }

    private static string Filled(string template, Func<string, string> value) =>
        Braces().Replace(template, m => JsonEncodedText.Encode(value(m.Groups[1].Value)).Value);

    private static bool IsLabel(string field) => field.StartsWith("label.", StringComparison.Ordinal);

    [GeneratedRegex(@"\{\{\s*([^{}\s]*)\s*\}\}")]
    private static partial Regex Braces();
}
