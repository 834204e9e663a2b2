using Overture.Classifier.Documents;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Classifier.Puppetserver;

/// <summary>What a layer asks for and the code does not have.</summary>
/// <param name="Field">Dotted path in the layer's definition.</param>
internal sealed record LayerProblem(Layer Layer, string Field, string Rule);

/// <summary>
/// Compares definitions with the code they are for: the environment, each class, each parameter's name. Whether a value fits its type, and
/// whether what has no default is given (Hiera may), only a compilation shows. Pure.
/// </summary>
internal static class CodeComparison
{
    private const string Usual = "production";

    // What every class takes: Puppet's metaparameters, and name.
    private static readonly HashSet<string> Metaparameters = new(StringComparer.Ordinal)
    {
        "alias", "audit", "before", "loglevel", "name", "noop", "notify", "require", "schedule", "stage", "subscribe", "tag",
    };

    /// <summary>A node's answer: each layer's classes in the one environment that the node gets.</summary>
    /// <param name="code">With the classes of that environment, where it is there.</param>
    public static IEnumerable<LayerProblem> OfAnswer(Answer answer, PuppetCode code)
    {
        var environment = answer.Layered.Definition.Environment;
        return code.Environments.Contains(environment)
            ? answer.Layers.SelectMany(l => Classes(l.Content, "", [environment], code).Select(p => new LayerProblem(l, p.Field, p.Rule)))
            : [new LayerProblem(answer.Layered.Origins.First(o => o.Path == "environment").Layer, "environment",
                NoEnvironment(environment, code))];
    }

    /// <summary>The environments whose classes the layers are compared with.</summary>
    public static IReadOnlyList<string> EnvironmentsOf(LayersDocument layers) =>
        [.. Parts(layers).SelectMany(p => p.Environments).Distinct(StringComparer.Ordinal)];

    /// <summary>
    /// Layers, before their nodes are known. What names an environment is compared with that one; else a class must be in one of the
    /// environments that its nodes may get by this document: that of the defaults, and of each group that may be for the same nodes.
    /// </summary>
    public static IEnumerable<FieldProblem> OfLayers(LayersDocument layers, PuppetCode code)
    {
        foreach (var (prefix, content, environments) in Parts(layers))
        {
            var problems = content.SetsEnvironment && !code.Environments.Contains(content.Environment)
                ? [new($"{prefix}environment", NoEnvironment(content.Environment, code))]
                : content.Classes.Count > 0 && !environments.Any(code.Environments.Contains)
                    ? [new($"{prefix}environment", $"is not set here, and would be {NoEnvironment(environments[0], code)}")]
                : Classes(content, prefix, environments, code);
            foreach (var problem in problems)
                yield return problem;
        }
    }

    private static IEnumerable<(string Prefix, NodeDefinition Content, IReadOnlyList<string> Environments)> Parts(LayersDocument layers)
    {
        var below = layers.Defaults is { SetsEnvironment: true } said ? said.Environment : Usual;
        if (layers.Defaults is { } defaults)
            yield return ("defaults.", defaults, May(defaults, below, layers.Groups));
        foreach (var group in layers.Groups)
        {
            yield return ($"groups.{group.Name}.", group.Content,
                May(group.Content, below, layers.Groups.Where(g => g.Rule.CanMeet(group.Rule))));
        }
    }

    private static IReadOnlyList<string> May(NodeDefinition content, string below, IEnumerable<Group> others) => content.SetsEnvironment
        ? [content.Environment]
        : [.. others.Where(g => g.Content.SetsEnvironment).Select(g => g.Content.Environment).Prepend(below)
            .Distinct(StringComparer.Ordinal)];

    private static IEnumerable<FieldProblem> Classes(NodeDefinition content, string prefix, IReadOnlyList<string> environments,
        PuppetCode code)
    {
        var there = environments.Where(code.Environments.Contains).ToList();
        var where = there.Count == 1 ? $"in the environment {there[0]}" : $"in any of the environments {string.Join(", ", there)}";
        foreach (var (name, value) in content.Classes)
        {
            var found = there.Select(e => code.Asked[e].Parameters.GetValueOrDefault(PuppetNames.Unanchored(name)))
                .OfType<IReadOnlySet<string>>().ToList();
            if (found.Count == 0)
            {
                yield return new($"{prefix}classes.{name}",
                    $"is not a class {where}"
                        + Meant(PuppetNames.Unanchored(name), there.SelectMany(e => code.Asked[e].Parameters.Keys)) + Unread(there, code));
                continue;
            }
            foreach (var parameter in (value as IReadOnlyDictionary<string, object?>)?.Keys.Where(p => !Metaparameters.Contains(p)
                && !found.Any(f => f.Contains(p))) ?? [])
            {
                yield return new($"{prefix}classes.{name}.{parameter}",
                    $"is not a parameter of that class {where}{Meant(parameter, found.SelectMany(f => f))}");
            }
        }
    }

    private static string NoEnvironment(string name, PuppetCode code) =>
        $"{name}, which the puppetserver does not have{Meant(name, code.Environments)}";

    private static string Meant(string name, IEnumerable<string> known) =>
        NearestName.Of(name, known.ToHashSet(StringComparer.Ordinal)) is { } near ? $"; is {near} meant?" : "";

    private static string Unread(List<string> there, PuppetCode code) =>
        there.SelectMany(e => code.Asked[e].Unread).ToList() is { Count: > 0 } unread
        ? $"; {unread.Count} {(unread.Count == 1 ? "file" : "files")} there can't be parsed: {unread[0]}" : "";
}
