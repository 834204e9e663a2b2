using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Console.Fleet;

/// <summary>
/// Which instances: the command line's options of `instance list`, as the query of the address. Pure, but for the clock that --since needs.
/// </summary>
public sealed record FleetQuery
{
    private const string Parameters = "state, condition, label, profile, since, older-than, launched-by, prefix, all, order, page";

    public IReadOnlyList<InstanceState> States { get; init; } = [];
    public IReadOnlyList<ConditionType> Conditions { get; init; } = [];

    /// <summary>Label selectors, each as on the command line.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];
    public string Profile { get; init; } = "";

    /// <summary>Durations as written, "2h"; empty: no limit.</summary>
    public string Since { get; init; } = "";
    public string OlderThan { get; init; } = "";
    public string LaunchedBy { get; init; } = "";
    public string Prefix { get; init; } = "";

    /// <summary>Terminated ones and Overture's own too.</summary>
    public bool All { get; init; }

    /// <summary>By the time of launch, the oldest first; else the newest.</summary>
    public bool OldestFirst { get; init; }

    /// <summary>Page token; empty: the first.</summary>
    public string Page { get; init; } = "";

    /// <summary>Something narrows it.</summary>
    public bool IsNarrowed => (this with { Page = "", All = false, OldestFirst = false }).ToAddress() != "/";

    /// <param name="query">Of the address; several values, or one with commas, as on the command line.</param>
    /// <param name="problems">What was not understood, a sentence each; it is left out.</param>
    public static FleetQuery Read(IQueryCollection query, out IReadOnlyList<string> problems)
    {
        ArgumentNullException.ThrowIfNull(query);
        var wrong = new List<string>();
        problems = wrong;
        foreach (var key in query.Keys.Where(k => !Parameters.Split(", ").Contains(k) && k is not ("format" or "done")))
            wrong.Add($"'{key}' is no filter: there are {Parameters}");
        return new FleetQuery
        {
            States = Words(query, "state", InstanceText.States, wrong),
            Conditions = Words(query, "condition", InstanceText.Conditions, wrong),
            Labels = [.. query["label"].OfType<string>().Where(l => l.Length > 0)],
            Profile = One(query, "profile"), LaunchedBy = One(query, "launched-by"), Prefix = One(query, "prefix"),
            Since = Duration(query, "since", wrong), OlderThan = Duration(query, "older-than", wrong),
            All = One(query, "all") is "1" or "true", OldestFirst = Oldest(query, wrong), Page = One(query, "page"),
        };
    }

    public InstanceFilter ToFilter(DateTimeOffset now) => new()
    {
        States = { States }, Conditions = { Conditions }, Selector = string.Join(',', Labels), Profile = Profile, LaunchedBy = LaunchedBy,
        Prefix = Prefix, ShowTerminated = All, ShowOwn = All,
        Since = DurationText.TryParse(Since, out var young) ? (now - young).ToTimestamp() : null,
        Before = DurationText.TryParse(OlderThan, out var old) ? (now - old).ToTimestamp() : null,
    };

    /// <summary>The address of the page, the same for the same query.</summary>
    public string ToAddress()
    {
        var query = new QueryBuilder();
        foreach (var state in States)
            query.Add("state", InstanceText.State(state));
        foreach (var condition in Conditions)
            query.Add("condition", InstanceText.Condition(condition));
        foreach (var label in Labels)
            query.Add("label", label);
        foreach (var (name, value) in new[] { ("profile", Profile), ("since", Since), ("older-than", OlderThan),
            ("launched-by", LaunchedBy), ("prefix", Prefix), ("all", All ? "1" : ""),
            ("order", OldestFirst ? "oldest" : ""), ("page", Page) })
        {
            if (value.Length > 0)
                query.Add(name, value);
        }
        return "/" + query.ToQueryString();
    }

    /// <summary>The command that lists the same; empty: a part of it is not to be typed (control characters).</summary>
    public string ToCommand()
    {
        var words = new List<string> { "overture instance list" };
        if (new[] { Prefix, Profile, Since, OlderThan, LaunchedBy }.Concat(Labels).Any(HidesCharacters))
            return "";
        if (Prefix is [not '-', ..])
            words.Add(Shell(Prefix));
        if (States.Count > 0)
            words.Add($"--state {string.Join(',', States.Select(InstanceText.State))}");
        if (Conditions.Count > 0)
            words.Add($"--condition {string.Join(',', Conditions.Select(InstanceText.Condition))}");
        words.AddRange(Labels.Select(l => Given("-l", l)));
        foreach (var (option, value) in new[] { ("--profile", Profile), ("--since", Since), ("--older-than", OlderThan),
            ("--launched-by", LaunchedBy) })
        {
            if (value.Length > 0)
                words.Add(Given(option, value));
        }
        if (All)
            words.Add("--all");
        if (OldestFirst)
            words.Add("--oldest-first");
        // After "--" nothing is an option.
        if (Prefix is ['-', ..])
            words.Add($"-- {Shell(Prefix)}");
        return string.Join(' ', words);
    }

    public InstanceOrder Order => OldestFirst ? InstanceOrder.OldestFirst : InstanceOrder.Unspecified;

    /// <summary>In the other order, from its beginning.</summary>
    public FleetQuery Turned() => this with { Page = "", OldestFirst = !OldestFirst };

    /// <summary>With this state in it, or without where it is in it.</summary>
    public FleetQuery Toggle(InstanceState state) =>
        this with { Page = "", States = States.Contains(state) ? [.. States.Where(s => s != state)] : [.. States, state] };

    public FleetQuery Toggle(ConditionType condition) =>
        this with
        {
            Page = "",
            Conditions = Conditions.Contains(condition) ? [.. Conditions.Where(c => c != condition)] : [.. Conditions, condition],
        };

    private static string Given(string option, string value) => value is ['-', ..]
        ? $"{option}={Shell(value)}" : $"{option} {Shell(value)}";

    // A terminal acts on them, or shows the text as another.
    private static bool HidesCharacters(string text) => text.Any(c => char.IsControl(c)
        || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    // What a POSIX shell reads as one word.
    internal static string Shell(string text) => HidesCharacters(text)
        ? throw new ArgumentException("it has control characters", nameof(text))
        : text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "._-/=@:,+".Contains(c, StringComparison.Ordinal))
            ? text : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string One(IQueryCollection query, string name) => query[name].LastOrDefault() ?? "";

    private static bool Oldest(IQueryCollection query, List<string> wrong)
    {
        var text = One(query, "order");
        if (text is not ("" or "newest" or "oldest"))
            wrong.Add($"order '{text}' is none of newest, oldest");
        return text == "oldest";
    }

    private static string Duration(IQueryCollection query, string name, List<string> wrong)
    {
        var text = One(query, name);
        if (text.Length == 0 || DurationText.TryParse(text, out _))
            return text;
        wrong.Add($"{name} '{text}' is no duration such as 90m, 2h or 7d");
        return "";
    }

    private static List<T> Words<T>(IQueryCollection query, string name, IReadOnlyDictionary<string, T> known, List<string> wrong)
    {
        var found = new List<T>();
        foreach (var word in query[name].OfType<string>().SelectMany(v => v.Split(',', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (!known.TryGetValue(word.Trim().ToLowerInvariant(), out var value))
                wrong.Add($"{name} '{word}' is none of {string.Join(", ", known.Keys)}");
            else if (!found.Contains(value))
                found.Add(value);
        }
        return found;
    }
}
