namespace Overture.Conductor.Reports;

/// <summary>
/// The errors of one run in the order in which they explain it: a catalog that did not compile or could not be applied, then failed
/// resources, then the rest (Facter's, pluginsync's). Agents log the rest first, so that the first line is seldom the cause. Pure; bounded,
/// since a report may hold millions of lines.
/// </summary>
internal sealed class RunErrors
{
    private const int Most = 3, MaxKept = 20;
    private const string Silent = ": failed";

    // The messages of the agent, its compiler and puppetserver that say why a catalog was not compiled or applied.
    private static readonly string[] OfTheCatalog =
    [
        "Could not retrieve catalog from", "Error 500 on SERVER", "Server Error:", "Evaluation Error", "Could not find node",
        "Could not find class",
        "Could not parse", "Syntax error", "Duplicate declaration", "Cannot reassign variable", "Attempt to assign to a reserved variable",
        "Failed when searching for node", "Failed to apply catalog", "dependency cycle",
    ];

    // Lines that say only that there was an error before them.
    private static readonly string[] WithoutCause =
    [
        "Could not retrieve catalog; skipping run", "Not using cache on failed catalog",
        "Failed to apply catalog: One or more resource dependency cycles",
    ];

    private readonly List<string> catalog = [], resources = [], resourceLogs = [], rest = [], consequences = [];

    /// <summary>A log line of level err or worse.</summary>
    /// <param name="source">"Puppet", "Facter", or the resource's path: "/Stage[main]/Main/File[/etc/motd]/ensure".</param>
    /// <param name="message">As logged.</param>
    /// <param name="file">The manifest that declares the resource; empty: none.</param>
    /// <param name="line">Its line there; empty: none.</param>
    public void Log(string source, string message, string file, string line)
    {
        var text = OneLine(message);
        if (text.Length == 0)
            return;
        if (source.StartsWith("/Stage[", StringComparison.Ordinal))
            Keep(resourceLogs, Placed(ResourceOf(source), text, file, line));
        else if (WithoutCause.Any(w => text.StartsWith(w, StringComparison.Ordinal)))
            Keep(consequences, text);
        else if (source is "" or "Puppet" && OfTheCatalog.Any(w => text.Contains(w, StringComparison.Ordinal)))
            Keep(catalog, text);
        else
            Keep(rest, source is "" or "Puppet" ? text : $"{source}: {text}");
    }

    /// <summary>A resource that failed, by the report's list of resources.</summary>
    /// <param name="resource">"File[/etc/motd]".</param>
    /// <param name="message">Of its first failed event; empty: it has none.</param>
    /// <param name="file">The manifest that declares it; empty: none.</param>
    /// <param name="line">Its line there; empty: none.</param>
    public void Resource(string resource, string message, string file, string line) =>
        Keep(resources, Placed(resource, message.Length > 0 ? OneLine(message) : Silent[2..], file, line));

    /// <returns>At most three, the best explanation first.</returns>
    public IReadOnlyList<string> Best()
    {
        // The list of resources says it best; their log lines count where there is no such list.
        var failed = resources.Count > 0 ? resources.Select(Explained).Distinct().ToList() : resourceLogs;
        // What a resource says of itself, Puppet has logged once more without its name.
        var others = rest.Where(r => !failed.Exists(f => f.Contains(r, StringComparison.Ordinal)));
        return [.. catalog.Concat(failed).Concat(others).Concat(consequences).Take(Most)];
    }

    // A resource that failed without an event (its provider does not work here) has said why in the log alone.
    private string Explained(string failed)
    {
        var at = failed.LastIndexOf(Silent, StringComparison.Ordinal);
        return at < 0 || (at + Silent.Length < failed.Length && failed[at + Silent.Length] != ' ') ? failed
            : resourceLogs.Find(l => l.StartsWith(failed[..(at + 2)], StringComparison.Ordinal)) ?? failed;
    }

    private static void Keep(List<string> list, string text)
    {
        if (list.Count < MaxKept && !list.Contains(text))
            list.Add(text);
    }

    // Messages name the place themselves as often as not.
    private static string Placed(string resource, string text, string file, string line)
    {
        var place = file.Length == 0 || text.Contains(file, StringComparison.Ordinal) ? "" : line.Length == 0 ? $" ({file})"
            : $" ({file}:{line})";
        return $"{resource}: {text}{place}";
    }

    // "/Stage[main]/Main/File[/etc/motd]/ensure" is of File[/etc/motd]: a title may hold slashes, a container is "Name" or "Type[title]".
    private static string ResourceOf(string source)
    {
        var end = source.LastIndexOf(']');
        var depth = 0;
        for (var i = end; i > 0; i--)
        {
            depth += source[i] == ']' ? 1 : source[i] == '[' ? -1 : 0;
            if (depth == 0 && source[i] == '/')
                return source[(i + 1)..(end + 1)];
        }
        return source;
    }

    // What follows the first line is a stack or a wrapped exception that repeats it. A cycle is named on the second line.
    private static string OneLine(string message)
    {
        var lines = message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return lines.Length > 1 && lines[0].EndsWith(':') ? $"{lines[0]} {lines[1]}" : lines.FirstOrDefault("");
    }
}
