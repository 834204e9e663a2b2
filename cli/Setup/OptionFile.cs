using System.Text.Encodings.Web;
using System.Text.Json;
using Overture.Platform.Records;

namespace Overture.Cli.Setup;

/// <summary>
/// An option file as a service prints it (--print-options --format yaml): each key behind a # with its default. A key is taken from behind
/// its #; one that is in use already is never changed.
/// </summary>
internal sealed class OptionFile
{
    private readonly string name;
    private readonly List<string> lines;
    private readonly YamlMap used;

    /// <param name="name">For errors.</param>
    /// <param name="text">Of the file.</param>
    public OptionFile(string name, string text)
    {
        this.name = name;
        lines = [.. text.TrimEnd('\n').Split('\n')];
        try
        {
            // All behind a #: no document, not one that is broken.
            used = lines.All(l => l.Trim() is "" or ['#', ..]) ? new YamlMap(1, []) : PositionedYaml.Read(text) as YamlMap
                ?? throw new PositionedYamlException("must be a mapping, KEY: VALUE", 1);
        }
        catch (PositionedYamlException e)
        {
            throw new Failure(ExitCodes.Config, $"{name}:{Math.Max(1, e.Line)}: {e.Message}",
                "correct that line, then run overture setup again");
        }
    }

    public string Text => string.Join('\n', lines) + "\n";

    /// <summary>What was not set, since a person had set something else.</summary>
    public List<string> Kept { get; } = [];

    public bool IsChanged { get; private set; }

    /// <param name="path">"registry.endpoint"</param>
    /// <param name="value">As YAML.</param>
    public void Set(string path, string value)
    {
        if (Used(path) is { } node)
        {
            var there = node is YamlList list ? Quoted(list.Items.Select(i => (i as YamlScalar)?.Text ?? "…"))
                : node is YamlScalar scalar ? Quoted(scalar.Text) : "a mapping";
            if (there != value && (node as YamlScalar)?.Text != value)
                Kept.Add($"{name}:{node.Line}: {path} is {there}, and stays; setup would write {value}");
            return;
        }
        var parts = path.Split('.');
        var at = 0;
        for (var depth = 0; depth < parts.Length; depth++)
        {
            var indent = new string(' ', depth * 2);
            var last = depth == parts.Length - 1;
            var found = Find(at, indent, last ? $"#{parts[depth]}:" : $"{parts[depth]}:");
            if (found < 0)
            {
                throw new Failure(ExitCodes.Config, $"{name} has no line for {path}, in use or behind a #",
                    $"write it there yourself: {path} is to be {value}");
            }
            at = found + 1;
            if (last)
                lines[found] = $"{indent}{parts[depth]}: {value}";
        }
        IsChanged = true;
    }

    /// <summary>A string as YAML has it.</summary>
    public static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    public static string Quoted(IEnumerable<string> list) => $"[{string.Join(", ", list.Select(Quoted))}]";

    private YamlNode? Used(string path)
    {
        YamlNode? at = used;
        foreach (var part in path.Split('.'))
            at = (at as YamlMap)?.Entries.Where(e => e.Key.Text == part).Select(e => e.Value).FirstOrDefault();
        return at is YamlScalar { IsNull: true } ? null : at;
    }

    // Up to the end of the section: a line that is less indented and no comment.
    private int Find(int from, string indent, string start)
    {
        for (var i = from; i < lines.Count; i++)
        {
            if (lines[i].StartsWith(indent + start, StringComparison.Ordinal))
                return i;
            if (lines[i].Length > 0 && !lines[i].StartsWith(indent, StringComparison.Ordinal))
                return -1;
        }
        return -1;
    }
}
