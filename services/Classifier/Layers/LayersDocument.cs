using System.Text.RegularExpressions;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Classifier.Layers;

/// <summary>
/// classification/layers: defaults and groups, lowest first. One document, so that two groups of one rank that contradict each other are found
/// when it is saved. Pure.
/// </summary>
public sealed partial class LayersDocument
{
    private const int MostGroups = 1000, HighestRank = 9999;
    private static readonly string[] OwnKeys = ["name", "rank", "match"];

    public static LayersDocument Nothing { get; } = new(null, []);

    private LayersDocument(NodeDefinition? defaults, IReadOnlyList<Group> groups) => (Defaults, Groups) = (defaults, groups);

    public NodeDefinition? Defaults { get; }

    /// <summary>By rank, then name.</summary>
    public IReadOnlyList<Group> Groups { get; }

    /// <param name="yaml">At most 256 KiB. defaults: a definition; groups: a list of {name, rank, match: {certname, profile, labels}, and a definition's keys}.</param>
    /// <exception cref="FaultException">DEFINITION_INVALID, every rule that is broken.</exception>
    public static LayersDocument Parse(string yaml)
    {
        var problems = new List<FieldProblem>();
        if (StrictYaml.Read(yaml) is not IReadOnlyDictionary<string, object?> map)
            throw Broken([new("document", "must be a mapping with defaults and groups")]);
        problems.AddRange(map.Keys.Where(k => k is not ("defaults" or "groups")).Select(k => new FieldProblem(k, "is unknown; the document has defaults and groups")));
        var defaults = map.GetValueOrDefault("defaults") is { } tree ? ContentOf(tree, "defaults", problems) : null;
        var groups = GroupsOf(map.GetValueOrDefault("groups"), problems);
        problems.AddRange(groups.GroupBy(g => g.Name, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => new FieldProblem($"groups.{g.Key}", "stands twice")));
        problems.AddRange(Conflicts(groups));
        return problems.Count == 0
            ? new LayersDocument(defaults, [.. groups.OrderBy(g => g.Rank).ThenBy(g => g.Name, StringComparer.Ordinal)])
            : throw Broken([.. problems]);
    }

    private static List<Group> GroupsOf(object? node, List<FieldProblem> problems)
    {
        var groups = new List<Group>();
        if (node is not (null or IReadOnlyList<object?>))
            problems.Add(new("groups", "must be a list"));
        var items = node as IReadOnlyList<object?> ?? [];
        if (items.Count > MostGroups)
            problems.Add(new("groups", $"must be at most {MostGroups}"));
        foreach (var (index, item) in items.Take(MostGroups).Index())
        {
            if (item is not IReadOnlyDictionary<string, object?> map || map.GetValueOrDefault("name") is not string name || !NameGrammar().IsMatch(name))
            {
                problems.Add(new($"groups[{index}]", "must be a mapping with a name of 1-63 of [A-Za-z0-9._-]"));
                continue;
            }
            var rank = map.GetValueOrDefault("rank") ?? 0L;
            if (rank is not (>= 0L and <= HighestRank))
                problems.Add(new($"groups.{name}.rank", $"must be 0-{HighestRank}"));
            var rule = RuleOf(map.GetValueOrDefault("match"), name, problems);
            var content = ContentOf(map.Where(e => !OwnKeys.Contains(e.Key)).ToDictionary(e => e.Key, e => e.Value, StringComparer.Ordinal), $"groups.{name}", problems);
            if (content is not null && rank is long number)
                groups.Add(new Group(name, (int)Math.Clamp(number, 0, HighestRank), rule, content));
        }
        return groups;
    }

    private static GroupRule RuleOf(object? node, string group, List<FieldProblem> problems)
    {
        var field = $"groups.{group}.match";
        var map = node as IReadOnlyDictionary<string, object?> ?? new Dictionary<string, object?>();
        if (node is not (null or IReadOnlyDictionary<string, object?>))
            problems.Add(new(field, "must be a mapping with certname, profile and labels"));
        problems.AddRange(map.Keys.Where(k => k is not ("certname" or "profile" or "labels")).Select(k => new FieldProblem($"{field}.{k}", "is unknown; a rule has certname, profile and labels")));
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        if (map.GetValueOrDefault("labels") is { } wanted)
        {
            foreach (var (key, value) in wanted as IReadOnlyDictionary<string, object?> ?? new Dictionary<string, object?> { [""] = null })
            {
                if (value is string text)
                    labels[key] = text;
                else
                    problems.Add(new(key.Length > 0 ? $"{field}.labels.{key}" : $"{field}.labels", "must be text, for each label; put numbers in quotes"));
            }
        }
        return new GroupRule(TextsOf(map, "certname", field, problems), TextsOf(map, "profile", field, problems), labels);
    }

    // One text, or a list of them.
    private static List<string> TextsOf(IReadOnlyDictionary<string, object?> map, string key, string field, List<FieldProblem> problems)
    {
        if (map.GetValueOrDefault(key) is not { } node)
            return [];
        var texts = node is IReadOnlyList<object?> list ? list : [node];
        if (texts.Count == 0 || texts.Any(t => t is not string { Length: > 0 }))
            problems.Add(new($"{field}.{key}", "must be a text, or a list of at least one"));
        return [.. texts.OfType<string>()];
    }

    private static NodeDefinition? ContentOf(object? tree, string field, List<FieldProblem> problems)
    {
        try
        {
            var content = NodeDefinition.FromTree(tree);
            if (content.Profile.Length > 0)
                problems.Add(new($"{field}.profile", "belongs into a node's own definition; a rule is match: {profile: NAME}"));
            return content;
        }
        catch (FaultException e)
        {
            problems.AddRange(e.Fields.Select(f => f with { Field = $"{field}.{f.Field}" }));
            return null;
        }
    }

    private static IEnumerable<FieldProblem> Conflicts(IReadOnlyList<Group> groups)
    {
        foreach (var rank in groups.GroupBy(g => g.Rank).Select(g => g.ToList()).Where(g => g.Count > 1))
        {
            for (var i = 0; i < rank.Count; i++)
            {
                foreach (var other in rank.Skip(i + 1).Where(o => rank[i].Rule.CanMeet(o.Rule)))
                {
                    foreach (var path in Contradictions(rank[i].Content, other.Content))
                        yield return new($"groups.{other.Name}.{path}", $"contradicts group {rank[i].Name}, which has the same rank {other.Rank} and may be for the same nodes; give one a higher rank");
                }
            }
        }
    }

    private static IEnumerable<string> Contradictions(NodeDefinition one, NodeDefinition other)
    {
        var mine = Values(one).ToDictionary(v => v.Path, v => v.Text, StringComparer.Ordinal);
        return Values(other).Where(v => mine.TryGetValue(v.Path, out var text) && text != v.Text).Select(v => v.Path);
    }

    private static IEnumerable<(string Path, string Text)> Values(NodeDefinition content)
    {
        if (content.SetsEnvironment)
            yield return ("environment", content.Environment);
        foreach (var (name, value) in content.Parameters)
            yield return ($"parameters.{name}", QuotedYaml.Write(value));
        foreach (var (name, parameters) in content.Classes)
        {
            foreach (var (key, value) in parameters as IReadOnlyDictionary<string, object?> ?? new Dictionary<string, object?>())
                yield return ($"classes.{name}.{key}", QuotedYaml.Write(value));
        }
    }

    private static FaultException Broken(FieldProblem[] problems) =>
        new(FaultKind.Invalid, Reason.DefinitionInvalid, string.Join("; ", problems.Select(p => $"{p.Field}: {p.Rule}")), problems);

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NameGrammar();
}
