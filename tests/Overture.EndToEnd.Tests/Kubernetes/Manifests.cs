using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>What deploy/k8s and the chart come to, by the pinned kubectl and helm (eng/kubernetes.sh).</summary>
internal sealed partial class Manifests(IReadOnlyList<JsonObject> objects)
{
    public static readonly string Kubectl = RepositoryPaths.File("artifacts/kubernetes/kubectl");
    public static readonly string Helm = RepositoryPaths.File("artifacts/kubernetes/helm");
    private static readonly string ChartFolder = RepositoryPaths.File("deploy/helm/overture");
    // Each is made once; a test may change what it is given.
    private static readonly ConcurrentDictionary<string, Lazy<Task<Manifests>>> Made = new();

    public IReadOnlyList<JsonObject> Objects => objects;

    public IEnumerable<Workload> Workloads =>
        objects.Where(o => o.Text("kind") is "StatefulSet" or "Deployment" or "Job").Select(o => new Workload(o));

    /// <summary>Those that stay.</summary>
    public IEnumerable<Workload> Lasting => Workloads.Where(w => w.Kind != "Job");

    /// <param name="what">An overlay or "chart", which is the chart with its production.yaml; then the components that it has:
    /// "production monitoring doctor".</param>
    public static async Task<Manifests> Build(string what) =>
        new([.. (await Made.GetOrAdd(what, w => new(() => Make(w))).Value).Objects.Select(o => o.DeepClone().AsObject())]);

    private static Task<Manifests> Make(string what)
    {
        var (overlay, components) = (what.Split(' ')[0], what.Split(' ')[1..]);
        return overlay == "chart" ? Chart(["--values", Path.Combine(ChartFolder, "production.yaml"), .. Enabled(components)])
            : components.Length == 0 ? Kustomize(RepositoryPaths.File($"deploy/k8s/overlays/{overlay}"))
            : Kustomization($"overlays/{overlay}", components);
    }

    /// <summary>A folder of deploy/k8s with components, as an overlay has them.</summary>
    public static async Task<Manifests> Kustomization(string folder, IEnumerable<string> components, string more = "")
    {
        using var home = new TempDirectory();
        // Kustomize takes no absolute names.
        var k8s = Path.GetRelativePath(home.Path, RepositoryPaths.File("deploy/k8s"));
        await File.WriteAllTextAsync(home.File("kustomization.yaml"), $"""
            namespace: overture
            resources: [{k8s}/{folder}]
            components: [{string.Join(", ", components.Select(c => $"{k8s}/components/{c}"))}]
            {more}
            """);
        return await Kustomize(home.Path);
    }

    /// <summary>The chart's objects, and the namespace that is there before.</summary>
    public static async Task<Manifests> Chart(IEnumerable<string> arguments)
    {
        var ran = await RunHelm(["template", "overture", ChartFolder, "--namespace", "overture", .. arguments]);
        var space = await File.ReadAllTextAsync(RepositoryPaths.File("deploy/k8s/base/namespace.yaml"));
        return new([.. ManifestYaml.Read(ran.Ok()), .. ManifestYaml.Read(space)]);
    }

    public static IEnumerable<string> Enabled(IEnumerable<string> components) =>
        components.SelectMany(c => new[] { "--set", $"{c}.enabled=true" });

    public static Task<Ran> RunHelm(params IEnumerable<string> arguments) => Shell.Run(Helm, [.. arguments]);

    public IEnumerable<JsonObject> Of(string kind) => objects.Where(o => o.Text("kind") == kind);

    /// <param name="name">"StatefulSet/conductor".</param>
    public JsonObject Find(string name) => Assert.Single(objects, o => o.Name() == name);

    /// <summary>
    /// By name, without what kustomize adds to names of ConfigMaps, so that a change restarts pods, and without what the chart has for
    /// that.
    /// </summary>
    public IReadOnlyDictionary<string, JsonNode> Comparable()
    {
        var hashed = Of("ConfigMap").Select(m => m.Text("metadata.name")!).Where(n => Hashed().IsMatch(n)).ToList();
        return objects.Select(o => JsonNode.Parse(hashed.Aggregate(o.ToJsonString(), (text, name) =>
            text.Replace($"\"{name}\"", $"\"{Hashed().Match(name).Groups[1].Value}\"", StringComparison.Ordinal)))!).Select(o =>
        {
            (o.At("spec.template.metadata") as JsonObject)?.Remove("annotations");
            if (o.Text("kind") == "Job")
                o["metadata"]!.AsObject().Remove("annotations");
            return o;
        }).ToDictionary(o => o.Name());
    }

    private static async Task<Manifests> Kustomize(string folder)
    {
        var ran = await Shell.Run(Kubectl, "kustomize", folder);
        Assert.Equal("", ran.Errors);
        return new(ManifestYaml.Read(ran.Ok()));
    }

    [GeneratedRegex("^(.+)-[a-z0-9]{10}$")]
    private static partial Regex Hashed();
}

/// <summary>An object that makes pods.</summary>
internal sealed record Workload(JsonObject Object)
{
    public string Kind => Object.Text("kind")!;

    public string Name => Object.Text("metadata.name")!;

    /// <summary>In messages: "StatefulSet/conductor".</summary>
    public string Title => Object.Name();

    public JsonNode Pod => Object.At("spec.template.spec")!;

    public IReadOnlyDictionary<string, string> Labels => Object.Strings("spec.template.metadata.labels");

    public string Component => Labels["app.kubernetes.io/component"];

    public IEnumerable<JsonNode> Containers => Pod.List("initContainers").Concat(Pod.List("containers"));

    public IEnumerable<JsonNode> Main => Pod.List("containers");

    /// <summary>By name; of a StatefulSet also its claims.</summary>
    public IEnumerable<JsonNode> Volumes => Pod.List("volumes");

    public IEnumerable<string> Claims => Object.List("spec.volumeClaimTemplates").Select(c => c.Text("metadata.name")!);
}

/// <summary>Steps into a tree of JSON: "spec.ports.0.name". A step that is not there gives null, or nothing.</summary>
internal static class ManifestTree
{
    public static string Name(this JsonNode node) => $"{node.Text("kind")}/{node.Text("metadata.name")}";

    public static JsonNode? At(this JsonNode node, string path)
    {
        JsonNode? at = node;
        foreach (var step in path.Split('.'))
            at = at switch { JsonObject o => o[step], JsonArray a => int.Parse(step) < a.Count ? a[int.Parse(step)] : null, _ => null };
        return at;
    }

    public static string? Text(this JsonNode node, string path) => node.At(path)?.ToString();

    public static IEnumerable<JsonNode> List(this JsonNode node, string path) => (node.At(path) as JsonArray)?.Select(n => n!) ?? [];

    public static IEnumerable<string> Texts(this JsonNode node, string path) => node.List(path).Select(n => n.ToString());

    public static IReadOnlyDictionary<string, string> Strings(this JsonNode node, string path) =>
        (node.At(path) as JsonObject)?.ToDictionary(p => p.Key, p => p.Value!.ToString()) ?? [];

    /// <summary>A Kubernetes label selector, matchLabels and In; a plain map, as a Service has it, where neither is there.</summary>
    public static bool Selects(this JsonNode? selector, IReadOnlyDictionary<string, string> labels)
    {
        if (selector is null)
            return false;
        var equal = selector.At("matchLabels") is null && selector.At("matchExpressions") is null ? selector : selector.At("matchLabels");
        if (equal is JsonObject wanted && wanted.Any(w => labels.GetValueOrDefault(w.Key) != w.Value!.ToString()))
            return false;
        return selector.List("matchExpressions")
            .All(e => e.Text("operator") == "In" && e.Texts("values").Contains(labels.GetValueOrDefault(e.Text("key")!)));
    }
}
