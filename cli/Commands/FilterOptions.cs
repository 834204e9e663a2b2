using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Option = System.CommandLine.Option;

namespace Overture.Cli.Commands;

/// <summary>Which instances: the options that every verb over many of them has, and the server decides by.</summary>
internal sealed class FilterOptions
{
    private static readonly string[] JsonPrefixes = ["instance-state-", "condition-type-"];

    private readonly Option<string[]> states = new("--state") { HelpName = "STATE,STATE" };
    private readonly Option<string[]> conditions = new("--condition") { HelpName = "CONDITION,CONDITION" };
    private readonly Option<string[]> labels = new("--label", "-l") { HelpName = "KEY=VALUE,KEY!=VALUE,KEY,!KEY" };
    private readonly Option<string?> profile = new("--profile") { HelpName = "NAME" };
    private readonly Option<TimeSpan?> since = Durations.Of("--since", "Launched at most this long ago", "2h");
    private readonly Option<TimeSpan?> older = Durations.Of("--older-than", "Launched longer ago than this", "7d");
    private readonly Option<string?> by = new("--launched-by", "--issued-by") { HelpName = "WHO" };

    /// <param name="instead">"Only", or "Instead of names:", where names may be given too.</param>
    public FilterOptions(string instead)
    {
        states.Description = $"{instead} those in one of these states: {string.Join(", ", InstanceText.States.Keys)}";
        conditions.Description = $"{instead} those with one of these conditions: {string.Join(", ", InstanceText.Conditions.Keys)}";
        labels.Description = $"{instead} those whose labels all fit";
        profile.Description = $"{instead} those of this profile";
        by.Description = $"{instead} those that WHO launched or registered";
    }

    public void AddTo(Command verb)
    {
        foreach (var option in new Option[] { states, conditions, labels, profile, since, older, by })
            verb.Options.Add(option);
    }

    /// <summary>Whether any of them is given.</summary>
    public bool AreGiven(ParseResult parse) =>
        new Option[] { states, conditions, labels, profile, since, older, by }.Any(o => parse.GetResult(o) is { Implicit: false });

    /// <exception cref="Failure">A word that is none of those, or an empty value.</exception>
    public InstanceFilter Read(Session session)
    {
        var (parse, now) = (session.Parse, session.Clock.GetUtcNow());
        return new InstanceFilter
        {
            States = { Words(parse, states, InstanceText.States) },
            Conditions = { Words(parse, conditions, InstanceText.Conditions) },
            Selector = string.Join(',', NotEmpty(parse, labels)),
            Profile = NotEmpty(parse, profile),
            LaunchedBy = NotEmpty(parse, by),
            Since = parse.GetValue(since) is { } young ? (now - young).ToTimestamp() : null,
            Before = parse.GetValue(older) is { } old ? (now - old).ToTimestamp() : null,
        };
    }

    // As on the command line ("csr-held"), or as in JSON ("CONDITION_TYPE_CSR_HELD").
    private static List<T> Words<T>(ParseResult parse, Option<string[]> option, IReadOnlyDictionary<string, T> known) =>
        [.. NotEmpty(parse, option).SelectMany(v => v.Split(',')).Select(word => Word(word.Trim(), option.Name, known))];

    private static T Word<T>(string text, string option, IReadOnlyDictionary<string, T> known)
    {
        var plain = text.ToLowerInvariant().Replace('_', '-');
        foreach (var prefix in JsonPrefixes.Where(p => plain.StartsWith(p, StringComparison.Ordinal)))
            plain = plain[prefix.Length..];
        return known.TryGetValue(plain, out var value) ? value
            : throw Failure.Usage($"{option}: '{text}' is none of {string.Join(", ", known.Keys)}"
                + (NearestName.Of(plain, [.. known.Keys]) is { } near ? $"; did you mean {near}?" : ""));
    }

    // A variable of a script that is not set must not choose more than was meant.
    private static string[] NotEmpty(ParseResult parse, Option<string[]> option) =>
        parse.GetValue(option) is not { } given ? []
        : given.Any(v => v.Length == 0) ? throw Failure.Usage($"{option.Name} is empty") : given;

    private static string NotEmpty(ParseResult parse, Option<string?> option) =>
        parse.GetValue(option) is { Length: 0 } ? throw Failure.Usage($"{option.Name} is empty") : parse.GetValue(option) ?? "";
}
