using System.CommandLine;
using System.Text;

namespace Overture.Cli.Commands;

/// <summary>
/// The manual, out of the command tree: overture(1), and a page for each command, as the packages ship them. They say what --help says.
/// </summary>
internal static class ManPages
{
    public const string Verb = "__man";

    /// <param name="root">The whole tree.</param>
    /// <param name="directory">Where the pages go; it must be there.</param>
    /// <param name="version">At the foot of each page.</param>
    public static int Write(RootCommand root, string directory, string version)
    {
        VerbAliases.Hide(root);
        Write(root, "overture", directory, version, []);
        return ExitCodes.Ok;
    }

    private static void Write(Command command, string name, string directory, string version, IReadOnlyList<string> above)
    {
        var page = Page(command, name, version, above);
        File.WriteAllText(Path.Combine(directory, name.Replace(' ', '-') + ".1"), page);
        foreach (var inner in command.Subcommands.Where(c => !c.Hidden))
            Write(inner, $"{name} {inner.Name}", directory, version, [.. above, name]);
    }

    private static string Page(Command command, string name, string version, IReadOnlyList<string> above)
    {
        var page = new StringBuilder();
        page.Append($".TH {Quoted(name.Replace(' ', '-').ToUpperInvariant())} 1 \"\" {Quoted($"overture {version}")} \"Overture\"\n");
        page.Append($".SH NAME\n{Text(name.Replace(' ', '-'))} \\- {Text(command.Description)}\n.SH SYNOPSIS\n.B {Text(name)}\n");
        foreach (var argument in command.Arguments.Where(a => !a.Hidden))
            page.Append($".I {Text(argument.HelpName ?? argument.Name)}\n");
        if (command.Subcommands.Any(c => !c.Hidden))
            page.Append(".I COMMAND\n");
        page.Append(".RI [ OPTIONS ]\n");
        Section(page, "ARGUMENTS", command.Arguments.Where(a => !a.Hidden).Select(a => (a.HelpName ?? a.Name, a.Description)));
        Section(page, "COMMANDS", command.Subcommands.Where(c => !c.Hidden).Select(c => ($"{name} {c.Name}", c.Description)));
        Section(page, "OPTIONS", command.Options.Where(o => !o.Hidden).Select(o =>
            (string.Join(", ", o.Aliases.Append(o.Name).OrderBy(a => a.Length)) + (o.HelpName is null ? "" : " " + o.HelpName),
                o.Description)));
        if (command is Verb verb)
        {
            Lines(page, "EXIT STATUS", verb.Exits);
            Lines(page, "EXAMPLES", verb.Examples);
        }
        if (command is RootCommand)
            Lines(page, "EXIT STATUS", ExitCodes.Meanings);
        var others = above.Concat(command.Subcommands.Where(c => !c.Hidden).Select(c => $"{name} {c.Name}"))
            .Select(n => $".BR {Text(n.Replace(' ', '-'))} (1)").ToList();
        if (others.Count > 0)
            page.Append(".SH SEE ALSO\n").AppendJoin(" ,\n", others).Append('\n');
        return page.ToString();
    }

    private static void Section(StringBuilder page, string heading, IEnumerable<(string Term, string? Description)> entries)
    {
        var all = entries.ToList();
        if (all.Count == 0)
            return;
        page.Append($".SH {heading}\n");
        foreach (var (term, description) in all)
            page.Append($".TP\n.B {Text(term)}\n{Text(description)}\n");
    }

    private static void Lines(StringBuilder page, string heading, IReadOnlyList<string> lines)
    {
        if (lines.Count > 0)
            page.Append($".SH {heading}\n.nf\n{string.Join('\n', lines.Select(Text))}\n.fi\n");
    }

    private static string Quoted(string text) => $"\"{Text(text).Replace("\"", "\\(dq", StringComparison.Ordinal)}\"";

    // A backslash begins an escape, a leading dot or quote a request; a hyphen that is typed must stay one when it is copied.
    private static string Text(string? text)
    {
        var escaped = (text ?? "").Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal)
            .ReplaceLineEndings(" ");
        return escaped.StartsWith('.') || escaped.StartsWith('\'') ? "\\&" + escaped : escaped;
    }
}
