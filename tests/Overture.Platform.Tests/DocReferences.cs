using System.Globalization;
using System.Text.RegularExpressions;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>
/// What comments and pages cite: numbered sections of two pages, rows of the acceptance list, ids of threats, files in Markdown with their
/// headings, tests.
/// </summary>
internal sealed partial class DocReferences
{
    public const string Threats = "docs/threats.md", Contracts = "docs/puppet-contracts.md";

    private static readonly string[] Folders =
        ["services", "cli", "compat", "tests", "benchmarks", "eng", "protos", "deploy", "examples", "docs"];

    private static readonly HashSet<string> Kinds =
        [".cs", ".sh", ".py", ".rb", ".pp", ".epp", ".proto", ".yaml", ".yml", ".props", ".targets", ".csproj", ".md", ""];

    private readonly Dictionary<string, HashSet<string>> sections;
    private readonly HashSet<string> ids, rows, tests;

    public DocReferences()
    {
        Texts = Files().ToDictionary(f => f, f => File.ReadAllText(RepositoryPaths.File(f)), StringComparer.Ordinal);
        sections = new[] { Threats, Contracts }.ToDictionary(p => p, p => First(NumberedHeading(), Texts[p]));
        ids = [.. IdRow().Matches(Texts[Threats]).SelectMany(m => Range(m.Groups[2], m.Groups[3]).Select(n => $"{m.Groups[1]}{n:D2}"))];
        rows = First(NumberRow(), Texts[Contracts]);
        tests = [.. Texts.Where(t => t.Key.StartsWith("tests/", StringComparison.Ordinal)).SelectMany(t => TestsOf(t.Value))];
    }

    /// <summary>Every text file that may cite something, by its path in the repository.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; }

    /// <summary>Ids of the rows of docs/threats.md.</summary>
    public IReadOnlySet<string> Ids => ids;

    /// <summary>"FILE:LINE: what", for each section, row, id or page that is cited and is not there.</summary>
    public IEnumerable<string> Citations(string file, string text) => text.Split('\n').SelectMany((line, i) =>
        Sections(file, line).Concat(Rows(line)).Concat(CitedIds(line)).Concat(Pages(line)).Select(problem => $"{file}:{i + 1}: {problem}"));

    /// <summary>"FILE: (LINK): what", for each relative link to a file or heading that is not there.</summary>
    public IEnumerable<string> Links(string file, string text)
    {
        foreach (var target in First(Link(), Fence().Replace(text, "")).Where(t => !t.Contains(':', StringComparison.Ordinal)))
        {
            var parts = target.Split('#', 2);
            var path = parts[0].Length == 0 ? file
                : Path.GetRelativePath("/", Path.GetFullPath(Path.Combine("/", Path.GetDirectoryName(file)!, parts[0])));
            if (!Path.Exists(RepositoryPaths.File(path)))
                yield return $"{file}: ({target}): there is no {path}";
            else if (parts.Length == 2 && !Anchors(file == path ? text : Texts[path]).Contains(parts[1]))
                yield return $"{file}: ({target}): {path} has no such heading";
        }
    }

    /// <summary>"FILE: what", for each test in backticks (Class.Method_…, Method_… or ClassTests) that is not there.</summary>
    public IEnumerable<string> NamedTests(string file, string text) =>
        First(TestName(), text).Where(t => !tests.Contains(t)).Select(t => $"{file}: there is no test {t}");

    // A section belongs to the page that is named before it on its line; on one of the two pages, to that page.
    private IEnumerable<string> Sections(string file, string line)
    {
        var page = sections.ContainsKey(file) ? file : null;
        foreach (Match m in PageOrSection().Matches(line))
        {
            if (m.Groups["standard"].Success)
                page = "";
            else if (m.Groups["page"].Success)
                page = $"docs/{m.Groups["page"].Value.ToLowerInvariant()}.md";
            else if (page is null || (page.Length > 0 && !sections[page].Contains(m.Groups["section"].Value)))
                yield return $"§{m.Groups["section"].Value} is no section of {page ?? "any page"}";
        }
    }

    private IEnumerable<string> Rows(string line)
    {
        var cited = line.Contains("puppet-contracts", StringComparison.Ordinal)
            ? RowList().Matches(line).SelectMany(m => NumberRange().Matches(m.Value)).SelectMany(m => Range(m.Groups[1], m.Groups[2]))
            : [];
        return cited.Concat(RowTest().Matches(line).SelectMany(m => Range(m.Groups[1], m.Groups[1])))
            .Select(n => $"{n}").Where(n => !rows.Contains(n)).Select(n => $"row {n} is no row of {Contracts}");
    }

    private IEnumerable<string> CitedIds(string line) =>
        Id().Matches(line).Select(m => m.Value).Where(id => !ids.Contains(id)).Select(id => $"{id} is no row of {Threats}");

    private IEnumerable<string> Pages(string line)
    {
        foreach (var named in Page().Matches(line).Select(m => m.Value))
        {
            if (!Texts.Keys.Any(f => f == named || f.EndsWith($"/{named}", StringComparison.Ordinal)))
                yield return $"there is no {named}";
        }
        foreach (var named in ShortDecision().Matches(line).Select(m => m.Value))
        {
            if (!Texts.Keys.Any(f => f.StartsWith($"{named}-", StringComparison.Ordinal)))
                yield return $"there is no {named}";
        }
        if (HouseStyle().IsMatch(line))
            yield return "cites a rule of style by number; CONTRIBUTING.md has none";
    }

    // As GitHub makes them: letters, digits, '-' and '_' stay, blanks become '-', a second one of the same text ends with -1.
    private static HashSet<string> Anchors(string text)
    {
        var found = First(AnchorTag(), text);
        foreach (var heading in Heading().Matches(Fence().Replace(text, "")).Select(m => m.Groups[1].Value.Trim().ToLowerInvariant()))
        {
            var slug = new string([.. heading.Where(c => char.IsLetterOrDigit(c) || c is '-' or '_' or ' ')]).Replace(' ', '-');
            var numbered = slug;
            for (var n = 1; !found.Add(numbered); n++)
                numbered = $"{slug}-{n}";
        }
        return found;
    }

    private static IEnumerable<string> TestsOf(string source)
    {
        var (classes, methods) = (First(Class(), source), First(Method(), source));
        return [.. classes, .. methods, .. classes.SelectMany(c => methods.Select(m => $"{c}.{m}"))];
    }

    // Their first groups.
    private static HashSet<string> First(Regex pattern, string text) =>
        pattern.Matches(text).Select(m => m.Groups[1].Value).ToHashSet(StringComparer.Ordinal);

    private static IEnumerable<int> Range(Group from, Group to)
    {
        var first = int.Parse(from.Value, CultureInfo.InvariantCulture);
        return Enumerable.Range(first, to.Success ? int.Parse(to.Value, CultureInfo.InvariantCulture) - first + 1 : 1);
    }

    private static IEnumerable<string> Files() =>
        Folders.Select(RepositoryPaths.File).Where(Directory.Exists)
            .SelectMany(d => Directory.EnumerateFiles(d, "*", SearchOption.AllDirectories))
            .Concat(Directory.EnumerateFiles(RepositoryPaths.Root))
            .Where(f => Kinds.Contains(Path.GetExtension(f)))
            .Select(f => Path.GetRelativePath(RepositoryPaths.Root, f))
            .Where(f => !NotOurs().IsMatch(f));
}
