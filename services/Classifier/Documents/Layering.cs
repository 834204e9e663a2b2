using Overture.Platform.Records;

namespace Overture.Classifier.Documents;

/// <summary>A value and where it came from.</summary>
/// <param name="Path">"environment", "parameters.NAME", "classes.NAME.PARAMETER", or "classes.NAME" of a class without parameters.</param>
/// <param name="Below">What it lies over, the nearest first.</param>
internal sealed record Origin(string Path, object? Value, Layer Layer, IReadOnlyList<Origin> Below);

/// <summary>Definitions laid one over the other. Pure.</summary>
/// <param name="Definition">The result.</param>
/// <param name="Origins">Of each value, in the order of the paths.</param>
internal sealed record Layered(NodeDefinition Definition, IReadOnlyList<Origin> Origins)
{
    private static readonly Layer BuiltIn =
        new("built in", "", "", new NodeDefinition(new Dictionary<string, object?>(), new Dictionary<string, object?>(), "production"));

    /// <summary>
    /// A class is in the answer when any layer has it; each of its parameters, each top-scope parameter and the environment are those of
    /// the highest layer that has them. Values are not merged into each other: a hash or a list is one value.
    /// </summary>
    /// <param name="layers">Lowest first.</param>
    public static Layered Of(IReadOnlyList<Layer> layers)
    {
        var origins = new SortedDictionary<string, Origin>(StringComparer.Ordinal)
            { ["environment"] = new("environment", "production", BuiltIn, []) };
        var classes = new SortedDictionary<string, object?>(StringComparer.Ordinal);
        var parameters = new SortedDictionary<string, object?>(StringComparer.Ordinal);
        void Lay(string path, object? value, Layer layer) =>
            origins[path] = origins.TryGetValue(path, out var below) && below.Layer != BuiltIn
                ? new Origin(path, value, layer, [below, .. below.Below]) : new Origin(path, value, layer, []);

        foreach (var layer in layers)
        {
            foreach (var (key, value) in layer.Content.Classes)
            {
                // ::a is a.
                var name = PuppetNames.Unanchored(key);
                var given = value as IReadOnlyDictionary<string, object?>;
                if (classes.GetValueOrDefault(name) is not Dictionary<string, object?> merged)
                    classes[name] = merged = new Dictionary<string, object?>(StringComparer.Ordinal);
                foreach (var (parameter, inner) in given ?? new Dictionary<string, object?>())
                {
                    merged[parameter] = inner;
                    Lay($"classes.{name}.{parameter}", inner, layer);
                }
                if (given is null or { Count: 0 })
                    Lay($"classes.{name}", null, layer);
            }
            foreach (var (name, value) in layer.Content.Parameters)
            {
                parameters[name] = value;
                Lay($"parameters.{name}", value, layer);
            }
            if (layer.Content.SetsEnvironment)
                Lay("environment", layer.Content.Environment, layer);
        }
        // A class that one layer only includes, and another gives parameters, is listed by its parameters.
        var all = classes.ToDictionary(c => c.Key, c => c.Value is Dictionary<string, object?> { Count: > 0 } ? c.Value : null,
            StringComparer.Ordinal);
        foreach (var name in all.Where(c => c.Value is not null).Select(c => c.Key))
            origins.Remove($"classes.{name}");
        var environment = (string)origins["environment"].Value!;
        return new Layered(
            new NodeDefinition(all, parameters.ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal), environment),
            [.. origins.Values]);
    }
}
