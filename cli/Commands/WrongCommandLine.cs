using System.CommandLine;
using System.CommandLine.Parsing;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>What is wrong with a command line that did not parse, each mistake once, and what was probably meant. Pure.</summary>
internal static class WrongCommandLine
{
    private const int MostPlaces = 3;

    public static Failure Of(ParseResult parse)
    {
        var (at, command) = (parse.CommandResult, parse.CommandResult.Command);
        var isGroup = command.Subcommands.Count > 0;
        var strays = Strays(parse);
        // What follows an unknown command are its arguments; what follows an unknown option may be its value.
        var unknown = isGroup && parse.UnmatchedTokens.FirstOrDefault(t => !IsOption(t)) is { } first ? [first]
            : parse.UnmatchedTokens.Where((_, i) => strays.Count == 0 && !IsValueOfUnknownOption(parse.UnmatchedTokens, i)).Concat(strays);
        // Of a group, all that is said beside an unknown command is that one is missing; of a verb, what else is missing counts.
        var others = parse.Errors.Select(e => e.Message).Where(m => (!isGroup || parse.UnmatchedTokens.Count == 0)
            && !parse.UnmatchedTokens.Any(t => m.Contains($"'{t}'", StringComparison.Ordinal)));
        var said = unknown.Select(t => Sentence(t, at)).Concat(others.Select(m => m.TrimEnd('.'))).Distinct(StringComparer.Ordinal);
        return Failure.Usage(string.Join("; ", said), $"{Path(at)} --help");
    }

    /// <summary>
    /// Options that the parser does not know and so took for arguments: `launch -c web.yaml --wiat` must not launch an image of that name.
    /// What follows `--` is an argument, whatever it begins with.
    /// </summary>
    public static IReadOnlyList<string> Strays(ParseResult parse)
    {
        var before = parse.Tokens.TakeWhile(t => t.Type != TokenType.DoubleDash).ToHashSet(ReferenceEqualityComparer.Instance);
        return [.. parse.CommandResult.Children.OfType<ArgumentResult>().SelectMany(a => a.Tokens)
            .Where(t => IsOption(t.Value) && before.Contains(t)).Select(t => t.Value)];
    }

    /// <summary>"overture instance list".</summary>
    public static string Path(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{Path(parent)} {result.Command.Name}" : "overture";

    private static bool IsValueOfUnknownOption(IReadOnlyList<string> tokens, int at) =>
        at > 0 && IsOption(tokens[at - 1]) && !tokens[at - 1].Contains('=', StringComparison.Ordinal) && !IsOption(tokens[at]);

    private static bool IsOption(string token) => token.StartsWith('-') && token.Length > 1;

    private static string Sentence(string token, CommandResult at)
    {
        if (IsOption(token))
        {
            var near = NearestName.Of(token.Split('=')[0], [.. OptionsOf(at).SelectMany(o => o.Aliases.Append(o.Name)).Distinct()]);
            return $"{Path(at)} has no option '{token}'{Meant(near)}";
        }
        if (at.Command.Subcommands.Count == 0)
            return $"'{token}' is one argument too many for {Path(at)}";
        var verb = NearestName.Of(token, [.. at.Command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name)]);
        return $"{Path(at)} has no command '{token}'{Meant(verb ?? Elsewhere(token, at))}";
    }

    private static string Meant(string? near) => near is null ? "" : $"; did you mean {near}?";

    // `overture terminate` for `overture instance terminate`.
    private static string? Elsewhere(string token, CommandResult at)
    {
        if (at.Parent is not null)
            return null;
        var places = at.Command.Subcommands.Where(g => g.Subcommands.Any(v => v.Name == token)).Select(g => $"{g.Name} {token}").ToList();
        return places.Count is > 0 and <= MostPlaces ? string.Join(" or ", places) : null;
    }

    private static IEnumerable<Option> OptionsOf(CommandResult at)
    {
        foreach (var option in at.Command.Options)
            yield return option;
        for (var above = at.Parent as CommandResult; above is not null; above = above.Parent as CommandResult)
        {
            foreach (var option in above.Command.Options.Where(o => o.Recursive))
                yield return option;
        }
    }
}
