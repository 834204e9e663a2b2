
namespace Overture.Platform.Records;

/// <summary>The line of each place of a document, by its dotted path: "parameters.site", "groups[2].match".</summary>
public sealed class YamlLines
{
    private readonly Dictionary<string, long> lines = new(StringComparer.Ordinal);

    /// <summary>Notes the places of a node, and of all below it, under this path. What was noted first stays.</summary>
    /// <param name="node">What has places.</param>
    /// <param name="path">Of the node itself.</param>
    /// <param name="first">The line before the node's document, where that is a text within another one.</param>
    public YamlLines Mark(YamlNode node, string path = "", long first = 0)
    {
        lines.TryAdd(path, first + node.Line);
        foreach (var (item, index) in node is YamlList list ? list.Items.Select((item, i) => (item, i)) : [])
            Mark(item, $"{path}[{index}]", first);
        foreach (var (key, value) in node is YamlMap map ? map.Entries : [])
        {
            var below = Below(path, key.Text);
            lines.TryAdd(below, first + key.Line);
            Mark(value, below, first);
        }
        return this;
    }

    /// <summary>The line of a path, or of the nearest thing around it; 0: unknown.</summary>
    public long Of(string path)
    {
        for (var near = path; near.Length > 0; near = near[..Math.Max(0, near.LastIndexOfAny(['.', '[']))])
        {
            if (lines.TryGetValue(near, out var line))
                return line;
        }
        return 0;
    }

    public static string Below(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
