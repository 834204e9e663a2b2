using System.CommandLine;

namespace Overture.Cli.Commands;

/// <summary>
/// Other spellings that people type by habit: `instances` for `instance`, `ls` for `list`. They are understood and not shown: help and
/// completions have one name for each thing.
/// </summary>
internal static class VerbAliases
{
    private static readonly Dictionary<string, string> Groups = new(StringComparer.Ordinal)
    {
        ["instance"] = "instances",
        ["profile"] = "profiles",
        ["node"] = "nodes",
        ["layers"] = "layer",
        ["certificate"] = "certificates",
    };

    public static void Add(RootCommand root)
    {
        foreach (var group in root.Subcommands)
        {
            if (Groups.TryGetValue(group.Name, out var alias))
                group.Aliases.Add(alias);
            foreach (var verb in group.Subcommands.Where(v => v.Name == "list"))
                verb.Aliases.Add("ls");
        }
    }

    /// <summary>Takes them out again, of a tree that has parsed all it will.</summary>
    public static void Hide(Command root)
    {
        root.Aliases.Clear();
        foreach (var command in root.Subcommands)
            Hide(command);
    }
}
