using System.Text.RegularExpressions;
using Overture.Platform.Faults;

namespace Overture.Platform.Records;

/// <summary>
/// The classification of a node, in the ENC's vocabulary (docs/puppet-contracts.md §5.1). The document of nodes/&lt;certname&gt;. The
/// Conductor writes it at launch and Classifier reads it; a definition that one takes and the other refuses would be a node that fails
/// forever, so the rules are here.
/// </summary>
/// <param name="Classes">Class name to its parameters, or null.</param>
/// <param name="Parameters">Top-scope variables.</param>
/// <param name="Environment">Puppet environment.</param>
public sealed partial record NodeDefinition(
    IReadOnlyDictionary<string, object?> Classes, IReadOnlyDictionary<string, object?> Parameters, string Environment)
{
    private static readonly string[] Keys = ["classes", "parameters", "environment", "profile"];

    /// <summary>The stored profile whose node key lies below this definition; empty: none.</summary>
    public string Profile { get; init; } = "";

    /// <summary>It says which environment; else a layer below does, or it is production.</summary>
    public bool SetsEnvironment { get; init; }

    /// <param name="yaml">At most 256 KiB. classes: a list of names, or a map of name to parameters; parameters: a map; environment: a
    /// name.</param>
    /// <exception cref="FaultException">DEFINITION_INVALID, every rule that is broken.</exception>
    public static NodeDefinition Parse(string yaml) => Parse(yaml, served: false);

    /// <param name="yaml">As above.</param>
    /// <param name="served">It was served before: rules that were added since do not take it away from its node.</param>
    /// <exception cref="FaultException">As above.</exception>
    public static NodeDefinition Parse(string yaml, bool served)
    {
        var document = StrictYaml.Document(yaml);
        return Checked(document.ToTree(), new YamlLines().Mark(document), served);
    }

    /// <summary>
    /// A definition that did not come as YAML: held to the limits of YAML all the same, for it will be read again as such.
    /// </summary>
    /// <exception cref="FaultException">DEFINITION_INVALID, every rule that is broken.</exception>
    public static NodeDefinition FromTree(object? tree, bool served = false) => Checked(StrictYaml.Read(QuotedYaml.Write(tree)),
        lines: null, served);

    private static NodeDefinition Checked(object? tree, YamlLines? lines, bool served)
    {
        if (tree is not IReadOnlyDictionary<string, object?> map)
            throw StrictYaml.Broken([new("definition", "must be a mapping with classes, parameters and environment")], lines);
        var problems = new List<FieldProblem>();
        if (!served)
            problems.AddRange(Reserved(map));
        foreach (var key in map.Keys.Where(k => !Keys.Contains(k)))
        {
            problems.Add(new(key, NearestName.Of(key, Keys) is { } near ? $"is unknown; is {near} meant?"
                : "is unknown; a definition has classes, parameters and environment, and may name a profile"));
        }
        var classes = ClassesOf(map.GetValueOrDefault("classes"), problems);
        var parameters = ParametersOf(map.GetValueOrDefault("parameters"), problems);
        var environment = map.GetValueOrDefault("environment") ?? "production";
        if (environment is not string name || !PuppetNames.IsEnvironment(name))
        {
            problems.Add(new("environment",
                "must be a Puppet environment name: lower-case letters, digits and '_', and none of main, master, server, agent, user"));
            name = "";
        }
        var profile = map.GetValueOrDefault("profile") ?? "";
        if (profile is not string below || (below.Length > 0 && !ProfileGrammar().IsMatch(below)))
        {
            problems.Add(new("profile", "must be the name of a stored profile"));
            below = "";
        }
        return problems.Count == 0
            ? new NodeDefinition(classes, parameters, name) { Profile = below,
                SetsEnvironment = map.GetValueOrDefault("environment") is not null }
            : throw StrictYaml.Broken(problems, lines);
    }

    /// <summary>What the ENC prints, as a tree, keys in its order.</summary>
    public Dictionary<string, object?> ToTree() => new()
    {
        ["classes"] = Classes,
        ["parameters"] = Parameters,
        ["environment"] = Environment,
    };

    private static IReadOnlyDictionary<string, object?> ClassesOf(object? node, List<FieldProblem> problems)
    {
        var classes = node switch
        {
            null => [],
            IReadOnlyList<object?> list => NamesOf(list, problems),
            IReadOnlyDictionary<string, object?> map => new Dictionary<string, object?>(map, StringComparer.Ordinal),
            _ => null,
        };
        if (classes is null)
        {
            problems.Add(new("classes", "must be a list of class names, or a map of class name to parameters"));
            return new Dictionary<string, object?>();
        }
        foreach (var (name, value) in classes)
        {
            if (!PuppetNames.IsClass(name))
                problems.Add(new($"classes.{name}", "is not a Puppet class name"));
            else if (PuppetNames.Unanchored(name) != name && classes.ContainsKey(PuppetNames.Unanchored(name)))
                problems.Add(new($"classes.{name}", "is given twice, with and without ::"));
            if (value is IReadOnlyDictionary<string, object?> parameters)
            {
                problems.AddRange(parameters.Keys.Where(k => !PuppetNames.IsVariable(k))
                    .Select(k => new FieldProblem($"classes.{name}.{k}", "is not a Puppet parameter name")));
            }
            else if (value is not null)
            {
                problems.Add(new($"classes.{name}", "must be a map of parameters, or nothing"));
            }
        }
        return classes;
    }

    private static Dictionary<string, object?> NamesOf(IReadOnlyList<object?> list, List<FieldProblem> problems)
    {
        var classes = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var item in list)
        {
            if (item is not string name)
                problems.Add(new("classes", "a list of classes holds names only; to give parameters write a map"));
            else if (!classes.TryAdd(name, null))
                problems.Add(new($"classes.{name}", "appears twice"));
        }
        return classes;
    }

    private static IReadOnlyDictionary<string, object?> ParametersOf(object? node, List<FieldProblem> problems)
    {
        if (node is null)
            return new Dictionary<string, object?>();
        if (node is not IReadOnlyDictionary<string, object?> map)
        {
            problems.Add(new("parameters", "must be a map of variable name to value"));
            return new Dictionary<string, object?>();
        }
        problems.AddRange(map.Keys.Where(k => !PuppetNames.IsVariable(k))
            .Select(k => new FieldProblem($"parameters.{k}", "is not a Puppet variable name")));
        return map;
    }

    // Good names by the grammar that break the catalog.
    private static IEnumerable<FieldProblem> Reserved(IReadOnlyDictionary<string, object?> map)
    {
        foreach (var (name, parameters) in map.GetValueOrDefault("classes") as IReadOnlyDictionary<string, object?>
            ?? new Dictionary<string, object?>())
        {
            foreach (var key in (parameters as IReadOnlyDictionary<string, object?>)?.Keys.Where(PuppetNames.IsReservedParameter) ?? [])
            {
                yield return new($"classes.{name}.{key}",
                    "is a name Puppet keeps for itself: no catalog compiles with a class parameter of that name");
            }
        }
        foreach (var key in (map.GetValueOrDefault("parameters") as IReadOnlyDictionary<string, object?>)?.Keys.Where(
            PuppetNames.IsReservedVariable) ?? [])
        {
            yield return new($"parameters.{key}", "is a name Puppet keeps for itself; give it another");
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ProfileGrammar();
}
