using System.Globalization;
using Overture.Platform.Faults;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Overture.Platform.Records;

/// <summary>
/// YAML as people write it, read without surprises: one document, at most 256 KiB, 32 levels and 10,000 nodes; no anchors, aliases or tags;
/// unique keys; YAML 1.2 core types (so yes, 0777 and 2010-01-02 are strings). The depth is counted on the parser's events, before anything
/// recurses: a stack overflow could not be caught.
/// </summary>
/// <remarks>A tree is made of null, bool, long, double, string, List&lt;object?&gt; and Dictionary&lt;string, object?&gt; (in order).</remarks>
public static class StrictYaml
{
    private const int MostBytes = 256 * 1024, MostDepth = 32, MostNodes = 10_000;

    /// <exception cref="FaultException">DEFINITION_INVALID, with line and column.</exception>
    public static object? Read(string text)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(text) > MostBytes)
            throw Broken("has more than 256 KiB");
        try
        {
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
                throw Broken("is empty");
            parser.Consume<DocumentStart>();
            var nodes = 0;
            var tree = Node(parser, 0, ref nodes);
            parser.Consume<DocumentEnd>();
            if (!parser.Accept<StreamEnd>(out _))
                throw Broken("holds more than one document");
            return tree;
        }
        catch (YamlException e)
        {
            throw Broken($"is not YAML at line {e.Start.Line}, column {e.Start.Column}: {e.Message}");
        }
        catch (InvalidOperationException)
        {
            // What the parser says of some broken documents (an unclosed "[" before a key).
            throw Broken("is not YAML");
        }
    }

    private static object? Node(IParser parser, int depth, ref int nodes)
    {
        if (depth > MostDepth)
            throw Broken("is nested more than 32 levels deep", parser);
        if (++nodes > MostNodes)
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
            return scalar.Style == ScalarStyle.Plain ? Plain(scalar.Value) : scalar.Value;
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var list = new List<object?>();
            while (!parser.TryConsume<SequenceEnd>(out _))
                list.Add(Node(parser, depth + 1, ref nodes));
            return list;
        }
        parser.Consume<MappingStart>();
        var map = new Dictionary<string, object?>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (parser.Current is not Scalar)
                throw Broken("has a key that is not a scalar", parser);
            var at = parser.Current.Start;
            var key = Node(parser, depth + 1, ref nodes) switch
            {
                string s => s,
                null => throw Broken("has an empty key", parser),
                var other => Convert.ToString(other, CultureInfo.InvariantCulture)!,
            };
            var value = Node(parser, depth + 1, ref nodes);
            if (!map.TryAdd(key, value))
                throw Broken($"has the key '{key}' twice (again at line {at.Line})");
        }
        return map;
    }

    // YAML 1.2 core schema, §10.3.2.
    private static object? Plain(string text)
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
        if (text.Length - digits.Length > 1 || digits.Length == 0 || !char.IsAsciiDigit(digits[0]) || (digits.Length > 1 && digits[0] == '0' && char.IsAsciiDigit(digits[1])))
            return text;
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return whole;
        const NumberStyles Real = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!digits.ContainsAny("eE.") || !double.TryParse(text, Real, CultureInfo.InvariantCulture, out var real))
            return text;
        return double.IsFinite(real) ? real : text;
    }

    private static FaultException Broken(string rule, IParser? parser = null)
    {
        var where = parser?.Current is { } at ? $" (line {at.Start.Line}, column {at.Start.Column})" : "";
        return new FaultException(FaultKind.Invalid, Reason.DefinitionInvalid, $"definition: {rule}{where}", new FieldProblem("definition", rule + where));
    }
}
