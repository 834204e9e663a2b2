using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>A service's pods against what the service itself says that it reads (--print-options).</summary>
internal sealed partial class PodOptions
{
    private sealed record Entry(string? Path, string Environment, string Type, JsonElement? Default);

    private readonly List<Entry> entries;

    private PodOptions(List<Entry> entries) => this.entries = entries;

    /// <param name="service">"Conductor".</param>
    public static async Task<PodOptions> Of(string service)
    {
        var ran = await Shell.Run("dotnet", PodHost.Program(service), "--print-options");
        return new(JsonSerializer.Deserialize<List<Entry>>(ran.Ok(), JsonSerializerOptions.Web)!);
    }

    /// <summary>The variables of a container, ConfigMaps included; a field of the pod as "$(metadata.name)".</summary>
    public static IReadOnlyDictionary<string, string> Environment(Manifests all, JsonNode container)
    {
        var environment = new Dictionary<string, string>();
        foreach (var map in container.List("envFrom").Select(e => e.Text("configMapRef.name")))
        {
            foreach (var (name, value) in all.Find($"ConfigMap/{map}").Strings("data"))
                environment[name] = value;
        }
        foreach (var variable in container.List("env"))
            environment[variable.Text("name")!] = variable.Text("value") ?? $"$({variable.Text("valueFrom.fieldRef.fieldPath")})";
        return environment;
    }

    public IEnumerable<string> Problems(Manifests all, Workload workload)
    {
        var container = Assert.Single(workload.Main);
        var environment = Environment(all, container);
        foreach (var (name, value) in environment)
        {
            var entry = entries.Find(e => e.Environment == name || e.Type.StartsWith("list", StringComparison.Ordinal)
                && e.Environment == ListIndex().Replace(name, "__0"));
            if (entry is null)
                yield return $"nothing reads {name}";
            else if (!Parses(entry.Type, value))
                yield return $"{name}={value} is no {entry.Type}";
        }
        // Listeners and ports.
        var listens = entries.Where(e => e.Path is "listen" || e.Path?.EndsWith(".listen", StringComparison.Ordinal) == true)
            .Select(e => environment.GetValueOrDefault(e.Environment) ?? e.Default?.GetString() ?? "").Where(l => l.Length > 0)
                .Order(StringComparer.Ordinal).ToList();
        foreach (var local in listens.Where(l => !l.StartsWith("0.0.0.0:", StringComparison.Ordinal)))
            yield return $"listens on {local}";
        var ports = container.List("ports").Select(p => p.Text("containerPort")!).Order(StringComparer.Ordinal);
        if (!ports.SequenceEqual(listens.Select(l => l.Split(':')[1]).Order(StringComparer.Ordinal)))
            yield return $"has the ports {string.Join(' ', ports)} and listens on {string.Join(' ', listens)}";
        // Files: from a projected volume, each by name.
        var files = workload.Volumes.Where(v => v.At("projected") is not null)
            .SelectMany(v => container.List("volumeMounts").Where(m => m.Text("name") == v.Text("name")).SelectMany(m =>
                v.List("projected.sources").SelectMany(s => ((JsonObject)s)
                    .SelectMany(p => p.Value!.At("items") is null ? [p.Value!.Text("path")] : p.Value!.List("items")
                    .Select(i => i.Text("path")))).Select(p => $"{m.Text("mountPath")}/{p}")))
            .ToList();
        if (files.Count > 0)
        {
            foreach (var (name, path) in environment.Where(e => e.Value.StartsWith("/etc/overture/", StringComparison.Ordinal)
                && !files.Any(f => f == e.Value || f.StartsWith(e.Value + "/", StringComparison.Ordinal))))
            {
                yield return $"{name}: nothing is mounted at {path}";
            }
        }
        var replica = $"OVERTURE_{workload.Component.ToUpperInvariant()}__REPLICA";
        var longest = workload.Kind == "StatefulSet" ? $"{workload.Name}-10" : $"{workload.Name}-0123456789-abcde";
        // The console has no records that a replica would sign.
        if (entries.Exists(e => e.Path == "replica") && environment.GetValueOrDefault(replica) is var said
            && (said != "$(metadata.name)" || !Label().IsMatch(longest)))
        {
            yield return $"{replica} must be the pod's name, 1-32 of [a-z0-9-]";
        }
    }

    private static bool Parses(string type, string value) => type switch
    {
        "bool" => value is "true" or "false",
        "int" => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _),
        "duration" => Duration().IsMatch(value),
        _ => true,
    };

    [GeneratedRegex("__[0-9]+$")]
    private static partial Regex ListIndex();

    [GeneratedRegex("^[0-9]+(ms|s|m|h|d)$")]
    private static partial Regex Duration();

    [GeneratedRegex("^[a-z0-9-]{1,32}$")]
    private static partial Regex Label();
}
