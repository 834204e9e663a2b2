using System.CommandLine;
using System.CommandLine.Completions;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>What a service has to be asked for, or the shell.</summary>
internal enum CompletionSource
{
    None,
    Certnames,
    Profiles,
    Contexts,
    Files,
}

/// <summary>What may stand in place of the last word of a command line that is not finished. Pure: no service is asked here.</summary>
/// <param name="Known">Texts and their descriptions.</param>
/// <param name="Source">Where further ones are.</param>
/// <param name="Stem">What of the last word goes before each: "--profile=", "running,".</param>
/// <param name="Begun">What each begins with.</param>
/// <param name="Config">Of --config on the line; null: it is not there.</param>
/// <param name="Context">Of --context.</param>
internal sealed record Completion(IReadOnlyList<(string Text, string About)> Known, CompletionSource Source, string Stem, string Begun,
    string? Config, string? Context)
{
    /// <param name="root">All verbs.</param>
    /// <param name="words">What is typed behind the program's name; the last may be empty. bash parts a word at each `=`.</param>
    public static Completion Of(RootCommand root, IReadOnlyList<string> words)
    {
        var line = new Line(root);
        foreach (var word in words.SkipLast(1))
            line.Pass(word);
        var last = words.Count > 0 ? words[^1] : "";
        return line.Last(last == "=" && line.Open is not null ? "" : last);
    }

    private sealed class Line(RootCommand root)
    {
        private readonly Dictionary<string, string> given = new(StringComparer.Ordinal);
        private Command at = root;
        private int arguments;
        private bool literal, glued;

        /// <summary>The option whose value comes next.</summary>
        public Option? Open { get; private set; }

        public void Pass(string word)
        {
            if (word == "=")
            {
                glued = Open is null;
                return;
            }
            if (glued)
            {
                glued = false;
            }
            else if (Open is { } option)
            {
                given[option.Name] = word;
                Open = null;
            }
            else if (!literal && word == "--")
            {
                literal = true;
            }
            else if (!literal && word is ['-', _, ..])
            {
                var parts = word.Split('=', 2);
                var named = Find(parts[0]);
                if (named is not null && parts.Length == 2)
                    given[named.Name] = parts[1];
                else if (named is not null && TakesValue(named))
                    Open = named;
            }
            else if (!literal && at.Subcommands.FirstOrDefault(c => c.Name == word || c.Aliases.Contains(word)) is { } verb)
            {
                at = verb;
            }
            else
            {
                arguments++;
            }
        }

        public Completion Last(string word)
        {
            if (glued)
                return With([], CompletionSource.None, "", word);
            if (Open is { } open)
                return Value(open, "", word);
            var sign = word.IndexOf('=', StringComparison.Ordinal);
            if (!literal && word.StartsWith('-') && sign > 0)
            {
                return Find(word[..sign]) is { } option ? Value(option, word[..(sign + 1)], word[(sign + 1)..])
                    : With([], CompletionSource.None, "", word);
            }
            if (!literal && word.StartsWith('-'))
                return With([.. Options().SelectMany(Names)], CompletionSource.None, "", word);
            if (at.Subcommands.Count > 0)
            {
                return With([.. at.Subcommands.Where(c => !c.Hidden).Select(c => (c.Name, c.Description ?? ""))],
                    CompletionSource.None, "", word);
            }
            var argument = at.Arguments.Count == 0 ? null : arguments < at.Arguments.Count ? at.Arguments[arguments]
                : at.Arguments[^1].Arity.MaximumNumberOfValues > 1 ? at.Arguments[^1] : null;
            return argument is null ? With([], CompletionSource.None, "", word) : With(Own(argument), SourceOf(argument.Name), "", word);
        }

        private Completion Value(Option option, string stem, string word)
        {
            var known = Own(option);
            // The verbs that choose by several states or conditions read them by hand.
            if (known.Count == 0 && (option.Name == "--state" ? InstanceText.States.Keys
                : option.Name == "--condition" ? InstanceText.Conditions.Keys : null) is { } words)
            {
                var list = word.LastIndexOf(',') + 1;
                return With([.. words.Select(s => (s, ""))], CompletionSource.None, stem + word[..list], word[list..]);
            }
            return With(known, option.Name switch
            {
                "--profile" => CompletionSource.Profiles,
                "--context" => CompletionSource.Contexts,
                _ => SourceOf(option.HelpName ?? ""),
            }, stem, word);
        }

        private Completion With(IReadOnlyList<(string Text, string About)> known, CompletionSource source, string stem, string word) =>
            new([.. known.Where(k => k.Text.StartsWith(word, StringComparison.Ordinal)).DistinctBy(k => k.Text)], source, stem, word,
                given.GetValueOrDefault("--config"), given.GetValueOrDefault("--context"));

        private static CompletionSource SourceOf(string name) => name switch
        {
            "NAME" or "SERIAL|NAME|ADDRESS" => CompletionSource.Certnames,
            "PROFILE" => CompletionSource.Profiles,
            "CONTEXT" => CompletionSource.Contexts,
            "FILE" or "DIR" => CompletionSource.Files,
            _ => CompletionSource.None,
        };

        private static List<(string Text, string About)> Own(Symbol symbol) =>
            [.. symbol.GetCompletions(CompletionContext.Empty).Select(c => (c.Label, c.Detail ?? ""))];

        private static IEnumerable<(string Text, string About)> Names(Option option) =>
            option.Aliases.Prepend(option.Name).Where(n => n.StartsWith('-')).Select(n => (n, option.Description ?? ""));

        private Option? Find(string name) => Options().FirstOrDefault(o => o.Name == name || o.Aliases.Contains(name));

        private IEnumerable<Option> Options() => at.Options.Concat(Above().SelectMany(c => c.Options).Where(o => o.Recursive))
            .Where(o => !o.Hidden && o.Name != "-?");

        private IEnumerable<Command> Above()
        {
            for (var above = at.Parents.OfType<Command>().FirstOrDefault(); above is not null;
                above = above.Parents.OfType<Command>().FirstOrDefault())
            {
                yield return above;
            }
        }

        private static bool TakesValue(Option option) => option.ValueType != typeof(bool) && option.Arity.MaximumNumberOfValues > 0;
    }
}
