using System.Text.RegularExpressions;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Classifier.Documents;

/// <summary>
/// classification/layers: defaults and groups, lowest first. One document, so that two groups of one rank that contradict each other are
/// found when it is saved. Pure.
/// </summary>
internal sealed partial class LayersDocument
{
    private const int MaxGroups = 1000, HighestRank = 9999;
    private static readonly string[] ReservedKeys = ["name", "rank", "match"];
    private static readonly string[] GroupKeys = [.. ReservedKeys, "classes", "parameters", "environment"];

    public static LayersDocument Nothing { get; } = new(null, []);

    private LayersDocument(NodeDefinition? defaults, IReadOnlyList<Group> groups) => (Defaults, Groups) = (defaults, groups);

    public NodeDefinition? Defaults { get; }

    /// <summary>By rank, then name.</summary>
    public IReadOnlyList<Group> Groups { get; }

    /// <param name="yaml">At most 256 KiB. defaults: a definition; groups: a list of {name, rank, match: {certname, profile, labels}, and a
    /// definition's keys}.</param>
    /// <exception cref="FaultException">DEFINITION_INVALID, every rule that is broken.</exception>
    public static LayersDocument Parse(string yaml) => Parse(yaml, served: false);

    /// <param name="yaml">As above.</param>
    /// <param name="served">It was served before: rules that were added since do not take it away from all nodes.</param>
    /// <exception cref="FaultException">As above.</exception>
    public static LayersDocument Parse(string yaml, bool served)
    {
        var problems = new List<FieldProblem>();
        var document = StrictYaml.Document(yaml);
        if (document.ToTree() is not IReadOnlyDictionary<string, object?> map)
            throw StrictYaml.Broken([new("document", "must be a mapping with defaults and groups")], LinesOf(document));
        problems.AddRange(map.Keys.Where(k => k is not ("defaults" or "groups"))
            .Select(k => new FieldProblem(k, Unknown(k, ["defaults", "groups"], "the document has defaults and groups"))));
        var defaults = map.GetValueOrDefault("defaults") is { } tree ? ContentOf(tree, "defaults", served, problems) : null;
        var groups = GroupsOf(map.GetValueOrDefault("groups"), served, problems);
        problems.AddRange(groups.GroupBy(g => g.Name, StringComparer.Ordinal).Where(g => g.Count() > 1)
            .Select(g => new FieldProblem($"groups.{g.Key}", "appears twice")));
        problems.AddRange(Conflicts(groups));
        return problems.Count == 0
            ? new LayersDocument(defaults, [.. groups.OrderBy(g => g.Rank).ThenBy(g => g.Name, StringComparer.Ordinal)])
            : throw StrictYaml.Broken(problems, LinesOf(document));
    }

    /// <summary>What its writer should be asked (<see cref="DefinitionWarnings"/>), by group.</summary>
    /// <param name="yaml">One that <see cref="Parse(string)"/> takes.</param>
    public static IEnumerable<DefinitionWarning> Warnings(string yaml)
    {
        var document = StrictYaml.Document(yaml);
        var defaults = document is YamlMap map
            ? map.Entries.Where(e => e.Key.Text == "defaults").SelectMany(e => DefinitionWarnings.Of(e.Value, "defaults")) : [];
        return defaults.Concat(Named(document).SelectMany(g => DefinitionWarnings.Of(g.Node, $"groups.{g.Name}"))).OrderBy(w => w.Line);
    }

    private static string Unknown(string key, string[] known, string all) =>
        $"is unknown; {(NearestName.Of(key, known) is { } near ? $"is {near} meant?" : all)}";

    // Messages name groups, not their numbers.
    private static YamlLines LinesOf(YamlNode document)
    {
        var lines = new YamlLines().Mark(document);
        foreach (var (name, node) in Named(document))
            lines.Mark(node, $"groups.{name}");
        return lines;
    }

    private static IEnumerable<(string Name, YamlMap Node)> Named(YamlNode document) =>
        from root in document is YamlMap map ? map.Entries : []
        where root.Key.Text == "groups"
        from item in root.Value is YamlList list ? list.Items.OfType<YamlMap>() : []
        from entry in item.Entries
        where entry.Key.Text == "name" && entry.Value is YamlScalar
        select (((YamlScalar)entry.Value).Text, item);

    private static List<Group> GroupsOf(object? node, bool served, List<FieldProblem> problems)
    {
        var groups = new List<Group>();
        if (node is not (null or IReadOnlyList<object?>))
            problems.Add(new("groups", "must be a list"));
        var items = node as IReadOnlyList<object?> ?? [];
        if (items.Count > MaxGroups)
            problems.Add(new("groups", $"must be at most {MaxGroups}"));
        foreach (var (index, item) in items.Take(MaxGroups).Index())
        {
            if (item is not IReadOnlyDictionary<string, object?> map || map.GetValueOrDefault("name") is not string name
                || !NameGrammar().IsMatch(name))
            {
                problems.Add(new($"groups[{index}]", "must be a mapping with a name of 1-63 of [A-Za-z0-9._-]"));
                continue;
            }
            var rank = map.GetValueOrDefault("rank") ?? 0L;
            if (rank is not (>= 0L and <= HighestRank))
                problems.Add(new($"groups.{name}.rank", $"must be 0-{HighestRank}"));
            var rule = RuleOf(map.GetValueOrDefault("match"), name, problems);
            // The keys of a definition are its own business; one that is nearer to these was meant to be one.
            var mistyped = map.Keys.Where(k => !GroupKeys.Contains(k) && ReservedKeys.Contains(NearestName.Of(k, GroupKeys))).ToList();
            problems.AddRange(mistyped.Select(k => new FieldProblem($"groups.{name}.{k}", Unknown(k, ReservedKeys, ""))));
            var content = ContentOf(map.Where(e => !ReservedKeys.Contains(e.Key) && !mistyped.Contains(e.Key))
                .ToDictionary(e => e.Key, e => e.Value, StringComparer.Ordinal), $"groups.{name}", served, problems);
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
        problems.AddRange(map.Keys.Where(k => k is not ("certname" or "profile" or "labels"))
            .Select(k => new FieldProblem($"{field}.{k}", Unknown(k, ["certname", "profile", "labels"],
                "a rule has certname, profile and labels"))));
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        if (map.GetValueOrDefault("labels") is { } wanted)
        {
            foreach (var (key, value) in wanted as IReadOnlyDictionary<string, object?> ?? new Dictionary<string, object?> { [""] = null })
            {
                if (value is string text)
                {
                    labels[key] = text;
                }
                else
                {
                    problems.Add(new(key.Length > 0 ? $"{field}.labels.{key}" : $"{field}.labels",
                        "must be text, for each label; put numbers in quotes"));
                }
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

    private static NodeDefinition? ContentOf(object? tree, string field, bool served, List<FieldProblem> problems)
    {
        try
        {
            var content = NodeDefinition.FromTree(tree, served);
            if (content.Profile.Length > 0)
                problems.Add(new($"{field}.profile", "belongs in a node's own definition; a rule is match: {profile: NAME}"));
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
        // By path, so that only groups are compared that say something of the same.
        foreach (var said in groups.SelectMany(g => Values(g.Content).Select(v => (Group: g, v.Path, v.Text)))
            .GroupBy(v => (v.Group.Rank, v.Path)).Select(g => g.ToList()))
        {
            foreach (var (index, one) in said.Index())
            {
                foreach (var other in said.Skip(index + 1).Where(o => o.Text != one.Text && one.Group.Rule.CanMeet(o.Group.Rule)))
                {
                    yield return new($"groups.{other.Group.Name}.{other.Path}",
                        $"contradicts group {one.Group.Name}, which has the same rank {one.Group.Rank} and may be for the same nodes; "
                            + "give one a higher rank");
                }
            }
        }
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
                yield return ($"classes.{PuppetNames.Unanchored(name)}.{key}", QuotedYaml.Write(value));
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NameGrammar();
}
