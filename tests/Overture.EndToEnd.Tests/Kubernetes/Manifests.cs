using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>What a folder of deploy/k8s comes to, by the pinned kubectl (eng/kubernetes.sh).</summary>
internal sealed class Manifests(IReadOnlyList<JsonObject> objects)
{
    public static readonly string Kubectl = RepositoryPaths.File("artifacts/kubernetes/kubectl");

    public IReadOnlyList<JsonObject> Objects => objects;

    public IEnumerable<Workload> Workloads =>
        objects.Where(o => o.Text("kind") is "StatefulSet" or "Deployment" or "Job").Select(o => new Workload(o));

    /// <summary>Those that stay.</summary>
    public IEnumerable<Workload> Lasting => Workloads.Where(w => w.Kind != "Job");

    public static async Task<Manifests> Build(string overlay)
    {
        var ran = await Shell.Run(Kubectl, "kustomize", RepositoryPaths.File($"deploy/k8s/overlays/{overlay}"));
        Assert.Equal("", ran.Errors);
        return new(ManifestYaml.Read(ran.Ok()));
    }

    public IEnumerable<JsonObject> Of(string kind) => objects.Where(o => o.Text("kind") == kind);

    /// <param name="name">"StatefulSet/conductor".</param>
    public JsonObject Find(string name) => Assert.Single(objects, o => o.Name() == name);
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
