using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Overture.Cli.Output;

/// <summary>
/// A message as one JSON or YAML document. Both are the proto JSON mapping, every field present, so that a script may rely on a key.
/// </summary>
internal static class Rendering
{
    private static readonly JsonFormatter.Settings Settings = JsonFormatter.Settings.Default.WithFormatDefaultValues(true);

    /// <param name="message">What the service answered.</param>
    /// <param name="indented">Indented for eyes, one line for programs.</param>
    public static string Json(IMessage message, bool indented) =>
        new JsonFormatter(indented ? Settings.WithIndentation() : Settings).Format(message);

    public static string Yaml(IMessage message)
    {
        var text = new StringWriter { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings(bestIndent: 2, bestWidth: int.MaxValue, isCanonical: false,
            maxSimpleKeyLength: 1024));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Node(emitter, Value.ForStruct(Tree(message)));
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    /// <summary>The message's proto JSON as a tree.</summary>
    public static Struct Tree(IMessage message) => message as Struct ?? JsonParser.Default.Parse<Struct>(Json(message, indented: false));

    private static void Node(Emitter emitter, Value value)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.StructValue:
                var fields = value.StructValue.Fields;
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, fields.Count == 0
                    ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (name, field) in fields)
                {
                    Text(emitter, name);
                    Node(emitter, field);
                }
                emitter.Emit(new MappingEnd());
                break;
            case Value.KindOneofCase.ListValue:
                var items = value.ListValue.Values;
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, items.Count == 0
                    ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in items)
                    Node(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case Value.KindOneofCase.StringValue:
                Text(emitter, value.StringValue);
                break;
            case Value.KindOneofCase.BoolValue:
                Plain(emitter, value.BoolValue ? "true" : "false");
                break;
            case Value.KindOneofCase.NumberValue:
                Plain(emitter, value.NumberValue.ToString("R", CultureInfo.InvariantCulture));
                break;
            default:
                Plain(emitter, "null");
                break;
        }
    }

    // Words stand bare, whole documents as a block, everything else quoted: so yes, 0777 and a date stay strings in every reader.
    private static void Text(Emitter emitter, string text)
    {
        var style = text.Contains('\n', StringComparison.Ordinal) && !text.Any(c => char.IsControl(c) && c != '\n') && !text.StartsWith(' ')
            ? ScalarStyle.Literal
            : IsWord(text) ? ScalarStyle.Plain
            : ScalarStyle.DoubleQuoted;
        emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, style, isPlainImplicit: style == ScalarStyle.Plain,
            isQuotedImplicit: style != ScalarStyle.Plain));
    }

    private static bool IsWord(string text) =>
        text.Length > 1 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or '/')
        && text.ToLowerInvariant() is not ("yes" or "no" or "on" or "off" or "true" or "false" or "null");

    private static void Plain(Emitter emitter, string text) =>
        emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false));
}
