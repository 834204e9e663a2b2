using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Overture.Platform.Records;

/// <summary>
/// Writes a tree (see <see cref="YamlNode.ToTree"/>) so that every reader sees the same thing: each string in double quotes, so that yes,
/// 0777,
/// 2010-01-02 and :sym stay strings in Ruby's YAML 1.1 and in cloud-init's.
/// </summary>
public static class QuotedYaml
{
    // Readers look for the colon within 1,024 characters of a key's start, and one character is six where it is escaped.
    private const int MaxSimpleKey = 128;

    private static readonly TagName Str = "tag:yaml.org,2002:str";

    /// <exception cref="ArgumentException">Not a tree, or a number that is not finite.</exception>
    public static string Write(object? tree, string firstLine = "")
    {
        var text = new StringWriter { NewLine = "\n" };
        if (firstLine.Length > 0)
            text.WriteLine(firstLine);
        var emitter = new Emitter(text, new EmitterSettings(bestIndent: 2, bestWidth: int.MaxValue, isCanonical: false,
            maxSimpleKeyLength: MaxSimpleKey));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Node(emitter, tree);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Node(Emitter emitter, object? node)
    {
        switch (node)
        {
            case IReadOnlyDictionary<string, object?> map:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, map.Count == 0
                    ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (key, value) in map)
                {
                    // Without the tag, Ruby takes even a quoted << for a merge.
                    Quoted(emitter, key, key == "<<" ? Str : TagName.Empty);
                    Node(emitter, value);
                }
                emitter.Emit(new MappingEnd());
                break;
            case IReadOnlyList<object?> list:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, list.Count == 0
                    ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in list)
                    Node(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case string text:
                Quoted(emitter, text, TagName.Empty);
                break;
            default:
                Plain(emitter, node switch
                {
                    null => "null",
                    bool b => b ? "true" : "false",
                    long or int => Convert.ToString(node, CultureInfo.InvariantCulture)!,
                    double d when double.IsFinite(d) => Number(d),
                    _ => throw new ArgumentException($"not a YAML tree: {node} ({node.GetType()})", nameof(node)),
                });
                break;
        }
    }

    /// <summary>
    /// As every reader takes it for a real number: a dot keeps Ruby from reading 1E+20 as a string and 3.0 as an integer.
    /// </summary>
    public static string Number(double d)
    {
        var text = d.ToString("R", CultureInfo.InvariantCulture);
        var exponent = text.IndexOf('E', StringComparison.Ordinal);
        var mantissa = exponent < 0 ? text : text[..exponent];
        return (mantissa.Contains('.', StringComparison.Ordinal) ? mantissa : mantissa + ".0") + (exponent < 0
            ? "" : "e" + text[(exponent + 1)..]);
    }

    private static void Quoted(Emitter emitter, string text, TagName tag) =>
        emitter.Emit(new Scalar(AnchorName.Empty, tag, text, ScalarStyle.DoubleQuoted, isPlainImplicit: false,
            isQuotedImplicit: tag.IsEmpty));

    private static void Plain(Emitter emitter, string text) =>
        emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false));
}
