using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Overture.Cli;

/// <summary>A node of a YAML file that knows where it stands, so that a mistake can be shown by line.</summary>
internal abstract record YamlNode(long Line);

/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Text">As written, unescaped.</param>
/// <param name="Plain">Without quotes: may mean null, true, or a number.</param>
internal sealed record YamlScalar(long Line, string Text, bool Plain) : YamlNode(Line)
{
    public bool IsNull => Plain && Text is "" or "~" or "null" or "Null" or "NULL";
}

internal sealed record YamlList(long Line, IReadOnlyList<YamlNode> Items) : YamlNode(Line);

internal sealed record YamlMap(long Line, IReadOnlyList<(YamlScalar Key, YamlNode Value)> Entries) : YamlNode(Line);

/// <summary>
/// Reads YAML as people write it and nothing cleverer: one document, at most 256 KiB and 32 levels, unique keys, no anchors, aliases or tags.
/// Works on the parser's events: a serializer would need reflection.
/// </summary>
internal static class YamlFile
{
    private const int MostBytes = 256 * 1024, MostDepth = 32;

    /// <exception cref="Failure">With the file's name and the line.</exception>
    public static YamlMap Read(string file, int exit, string next)
    {
        string text;
        try
        {
            if (new FileInfo(file).Length > MostBytes)
                throw new Failure(exit, $"{file} has more than 256 KiB", next);
            text = File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new Failure(exit, e is FileNotFoundException or DirectoryNotFoundException ? $"there is no file {file}" : $"can't read {file}: {e.Message}", next);
        }
        try
        {
            return Document(text);
        }
        catch (YamlException e)
        {
            throw new Failure(exit, $"{file}:{Math.Max(1, e.Start.Line)}: {e.Message}", next);
        }
    }

    /// <exception cref="YamlException">With the line.</exception>
    public static YamlMap Document(string text)
    {
        var parser = new Parser(new StringReader(text));
        parser.Consume<StreamStart>();
        if (parser.Accept<StreamEnd>(out _))
            throw new YamlException("the file is empty");
        parser.Consume<DocumentStart>();
        var root = Node(parser, 0);
        parser.Consume<DocumentEnd>();
        if (!parser.Accept<StreamEnd>(out _))
            throw Broken(parser, "a second document begins here; one file holds one");
        return root as YamlMap ?? throw new YamlException("must be a mapping, KEY: VALUE");
    }

    // The depth is counted before anything recurses: a stack overflow could not be caught.
    private static YamlNode Node(Parser parser, int depth)
    {
        if (depth > MostDepth)
            throw Broken(parser, "is nested more than 32 levels deep");
        if (parser.Current is AnchorAlias)
            throw Broken(parser, "aliases are not supported");
        if (parser.Current is NodeEvent node && !(node.Anchor.IsEmpty && node.Tag.IsEmpty))
            throw Broken(parser, "anchors and tags are not supported");
        if (parser.TryConsume<Scalar>(out var scalar))
            return new YamlScalar(scalar.Start.Line, scalar.Value, scalar.Style == ScalarStyle.Plain);
        if (parser.TryConsume<SequenceStart>(out var sequence))
        {
            var items = new List<YamlNode>();
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(Node(parser, depth + 1));
            return new YamlList(sequence.Start.Line, items);
        }
        var start = parser.Consume<MappingStart>();
        var entries = new List<(YamlScalar, YamlNode)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (Node(parser, depth + 1) is not YamlScalar key)
                throw Broken(parser, "a key must be a plain text");
            if (!seen.Add(key.Text))
                throw new YamlException(new Mark(0, key.Line, 1), new Mark(0, key.Line, 1), $"the key '{key.Text}' stands twice");
            entries.Add((key, Node(parser, depth + 1)));
        }
        return new YamlMap(start.Start.Line, entries);
    }

    private static YamlException Broken(Parser parser, string rule) => new(parser.Current!.Start, parser.Current.End, rule);
}
