using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Overture.Platform.Records;

/// <summary>A node of a YAML document with its position, so that a mistake can be shown by line.</summary>
/// <param name="Line">From 1.</param>
public abstract record YamlNode(long Line)
{
    /// <summary>Null, bool, long, double, string, List&lt;object?&gt; or Dictionary&lt;string, object?&gt; (in order).</summary>
    public object? ToTree() => this switch
    {
        YamlMap map => map.Entries.ToDictionary(e => e.Key.Text, e => e.Value.ToTree(), StringComparer.Ordinal),
        YamlList list => list.Items.Select(i => i.ToTree()).ToList(),
        YamlScalar scalar => scalar.Value(),
        _ => throw new InvalidOperationException("a node is a map, a list or a scalar"),
    };
}

/// <param name="Line">From 1.</param>
/// <param name="Text">As written, unescaped.</param>
/// <param name="Plain">Without quotes: may mean null, true, or a number.</param>
public sealed record YamlScalar(long Line, string Text, bool Plain) : YamlNode(Line)
{
    /// <summary>A block that keeps its lines (|): its first one is on the line after <see cref="YamlNode.Line"/>.</summary>
    public bool Literal { get; init; }

    public bool IsNull => Plain && Text is "" or "~" or "null" or "Null" or "NULL";

    /// <summary>
    /// Null, bool, long, double or string, by the YAML 1.2 core schema (§10.3.2): so yes, 0777 and 2010-01-02 are strings.
    /// </summary>
    public object? Value() => Plain ? Core(Text) : Text;

    private static object? Core(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE":
                return true;
            case "false" or "False" or "FALSE":
                return false;
        }
        var digits = text.AsSpan().TrimStart("+-");
        if (text.Length - digits.Length > 1 || digits.Length == 0 || !char.IsAsciiDigit(digits[0])
            || (digits.Length > 1 && digits[0] == '0' && char.IsAsciiDigit(digits[1])))
        {
            return text;
        }
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return whole;
        const NumberStyles Real = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!digits.ContainsAny("eE.") || !double.TryParse(text, Real, CultureInfo.InvariantCulture, out var real))
            return text;
        return double.IsFinite(real) ? real : text;
    }
}

public sealed record YamlList(long Line, IReadOnlyList<YamlNode> Items) : YamlNode(Line);

public sealed record YamlMap(long Line, IReadOnlyList<(YamlScalar Key, YamlNode Value)> Entries) : YamlNode(Line);

/// <summary>The document is not YAML, or against a rule of <see cref="PositionedYaml"/>.</summary>
/// <param name="rule">Without the place.</param>
/// <param name="line">From 1; 0: the document as a whole.</param>
/// <param name="column">From 1; 0: unknown.</param>
public sealed class PositionedYamlException(string rule, long line = 0, long column = 0) : Exception(rule)
{
    public long Line { get; } = line;
    public long Column { get; } = column;
}

/// <summary>
/// YAML as people write it, read without surprises: one document, at most 256 KiB, 32 levels and 10,000 nodes; no anchors, aliases, merge
/// keys or tags; unique keys. Works on the parser's events, for a serializer would need reflection; and the depth is counted before
/// anything recurses, for a stack overflow could not be caught. The command line is built with this file too.
/// </summary>
public static class PositionedYaml
{
    private const int MaxBytes = 256 * 1024, MaxDepth = 32, MaxNodes = 10_000;

    /// <exception cref="PositionedYamlException">With the line, where there is one.</exception>
    public static YamlNode Read(string text)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(text) > MaxBytes)
            throw new PositionedYamlException("has more than 256 KiB");
        text = Utf8Text.WithoutMark(text);
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
                throw new PositionedYamlException("is empty");
            parser.Consume<DocumentStart>();
            var nodes = 0;
            var root = Node(parser, 0, ref nodes);
            parser.Consume<DocumentEnd>();
            return parser.Accept<StreamEnd>(out _) ? root : throw Broken("holds more than one document", parser);
        }
        catch (YamlException e)
        {
            if (Tab(e, parser, text) is > 0 and var line)
                throw new PositionedYamlException("is not YAML: a TAB can't indent, use spaces", line, 1);
            throw new PositionedYamlException($"is not YAML: {e.Message}", Math.Max(1, e.Start.Line), e.Start.Column);
        }
        catch (InvalidOperationException)
        {
            // What the parser says of some broken documents (an unclosed "[" before a key). It has read as far as this.
            throw new PositionedYamlException("is not YAML: a [ or { is not closed, or there is something between two of its items",
                Math.Max(1, parser.Current?.End.Line ?? 1));
        }
    }

    // The parser names the start of the block that a TAB is in; the TAB is in the first line after what it had read. 0: it is none.
    private static long Tab(YamlException e, Parser parser, string text)
    {
        if (!e.Message.Contains(" tab ", StringComparison.Ordinal))
            return 0;
        var read = (int)Math.Max(1, parser.Current?.End.Line ?? 1);
        return Array.FindIndex(text.Split('\n'), read - 1, l => l.AsSpan().TrimStart(' ') is ['\t', ..]
            && l.AsSpan().Trim() is not ([] or ['#', ..])) + 1;
    }

    private static YamlNode Node(IParser parser, int depth, ref int nodes)
    {
        if (depth > MaxDepth)
            throw Broken("is nested more than 32 levels deep", parser);
        if (++nodes > MaxNodes)
            throw Broken("has more than 10,000 nodes", parser);
        if (parser.Current is AnchorAlias)
            throw Broken("uses an alias", parser);
        if (parser.Current is NodeEvent node)
        {
            if (!node.Anchor.IsEmpty)
                throw Broken("uses an anchor", parser);
            if (!node.Tag.IsEmpty)
                throw Broken($"uses the tag {node.Tag}", parser);
        }
        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return new YamlScalar(scalar.Start.Line, scalar.Value,
                scalar.Style == ScalarStyle.Plain) { Literal = scalar.Style == ScalarStyle.Literal };
        }
        if (parser.TryConsume<SequenceStart>(out var sequence))
        {
            var items = new List<YamlNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(Node(parser, depth + 1, ref nodes));
            return new YamlList(sequence.Start.Line, items);
        }
        return Map(parser, depth, ref nodes);
    }

    private static YamlMap Map(IParser parser, int depth, ref int nodes)
    {
        var start = parser.Consume<MappingStart>();
        var entries = new List<(YamlScalar, YamlNode)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (parser.Current is not Scalar name)
                throw Broken("has a key that is not a scalar", parser);
            // Ruby merges what is below it into the map around it, even where it is quoted.
            if (name.Value == "<<")
                throw Broken("has a merge key (<<)", parser);
            var at = parser.Current.Start;
            var key = (YamlScalar)Node(parser, depth + 1, ref nodes);
            if (key.IsNull)
                throw new PositionedYamlException("has an empty key", at.Line, at.Column);
            if (!seen.Add(key.Text))
                throw new PositionedYamlException($"has the key '{key.Text}' twice", at.Line, at.Column);
            entries.Add((key, Node(parser, depth + 1, ref nodes)));
        }
        return new YamlMap(start.Start.Line, entries);
    }

    private static PositionedYamlException Broken(string rule, IParser parser) => new(rule, parser.Current!.Start.Line,
        parser.Current.Start.Column);
}
