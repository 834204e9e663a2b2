using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Overture.Classifier.Documents;

namespace Overture.Classifier.Terminus;

/// <summary>
/// An answer for the node terminus: {"classes":{},"parameters":{},"environment":"…","version":"…"}; no environment where none is said;
/// stale_since (RFC 3339) while the store does not answer. Pure.
/// </summary>
internal static class NodeJson
{
    // Escaping for HTML pages is not needed here; control characters are always escaped.
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static ReadOnlyMemory<byte> Write(Answer answer)
    {
        var text = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(text, Writing);
        writer.WriteStartObject();
        writer.WritePropertyName("classes");
        Node(writer, answer.Layered.Definition.Classes);
        writer.WritePropertyName("parameters");
        Node(writer, answer.Layered.Definition.Parameters);
        if (answer.Response.Environment.Length > 0)
            writer.WriteString("environment", answer.Response.Environment);
        writer.WriteString("version", answer.Response.Version);
        if (answer.Response.StaleSince is { } since)
            writer.WriteString("stale_since", since.ToDateTime());
        writer.WriteEndObject();
        writer.Flush();
        return text.WrittenMemory;
    }

    private static void Node(Utf8JsonWriter writer, object? node)
    {
        switch (node)
        {
            case IReadOnlyDictionary<string, object?> map:
                writer.WriteStartObject();
                foreach (var (key, value) in map)
                {
                    writer.WritePropertyName(key);
                    Node(writer, value);
                }
                writer.WriteEndObject();
                break;
            case IReadOnlyList<object?> list:
                writer.WriteStartArray();
                foreach (var item in list)
                    Node(writer, item);
                writer.WriteEndArray();
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            case bool flag:
                writer.WriteBooleanValue(flag);
                break;
            case long whole:
                writer.WriteNumberValue(whole);
                break;
            case double real:
                Real(writer, real);
                break;
            case null:
                writer.WriteNullValue();
                break;
            default:
                throw new ArgumentException($"not a YAML tree: {node.GetType()}", nameof(node));
        }
    }

    // A dot, so that 3.0 is the Float in Ruby that it is by the hook's YAML.
    private static void Real(Utf8JsonWriter writer, double real)
    {
        var text = real.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        var exponent = text.IndexOf('E', StringComparison.Ordinal);
        var mantissa = exponent < 0 ? text : text[..exponent];
        writer.WriteRawValue((mantissa.Contains('.', StringComparison.Ordinal) ? mantissa : mantissa + ".0")
            + (exponent < 0 ? "" : text[exponent..]));
    }
}
