using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>
/// What objects say of each other: each name and key that is used must be there, or be one that docs/kubernetes.md has the user make.
/// </summary>
internal static partial class References
{
    public static IEnumerable<string> Problems(Manifests all)
    {
        var given = Given(all);
        foreach (var problem in Monitors(all))
            yield return problem;
        foreach (var workload in all.Workloads)
        {
            if (workload.Kind != "Job" && !workload.Object.At("spec.selector").Selects(workload.Labels))
                yield return $"{workload.Title}: its selector is not its pods'";
            if (!all.Of("ServiceAccount").Any(a => a.Text("metadata.name") == workload.Pod.Text("serviceAccountName")))
                yield return $"{workload.Title}: no ServiceAccount {workload.Pod.Text("serviceAccountName")}";
            foreach (var (source, key) in Sources(workload)
                .Where(u => !given.Contains(u.Source) || u.Key is not null && !given.Contains($"{u.Source} {u.Key}")))
            {
                yield return $"{workload.Title}: there is no {source} {key}";
            }
            foreach (var claim in workload.Volumes.Select(v => v.Text("persistentVolumeClaim.claimName")).OfType<string>()
                .Where(c => all.Of("PersistentVolumeClaim").All(p => p.Text("metadata.name") != c)))
            {
                yield return $"{workload.Title}: there is no claim {claim}";
            }
            var volumes = workload.Volumes.Select(v => v.Text("name")!).Concat(workload.Claims).ToList();
            foreach (var mount in workload.Containers.SelectMany(c => c.Texts("volumeMounts").Any() ? c.List("volumeMounts") : [])
                .Where(m => !volumes.Contains(m.Text("name")!)))
            {
                yield return $"{workload.Title}: there is no volume {mount.Text("name")}";
            }
            foreach (var unused in volumes.Where(v => !workload.Containers.SelectMany(c => c.List("volumeMounts"))
                .Any(m => m.Text("name") == v)))
            {
                yield return $"{workload.Title}: nothing mounts {unused}";
            }
            if (workload.Kind == "StatefulSet" && all.Of("Service")
                .All(s => s.Text("metadata.name") != workload.Object.Text("spec.serviceName")))
            {
                yield return $"{workload.Title}: there is no Service {workload.Object.Text("spec.serviceName")}";
            }
        }
        foreach (var service in all.Of("Service"))
        {
            var targets = all.Lasting.Where(w => service.At("spec.selector").Selects(w.Labels)).ToList();
            var named = targets.SelectMany(w => w.Main).SelectMany(c => c.List("ports"))
                .Select(p => $"{p.Text("name")} {p.Text("containerPort")}").ToHashSet();
            if (targets.Count != 1)
                yield return $"{service.Name()} selects {targets.Count} workloads";
            foreach (var port in service.List("spec.ports").Where(p => !named.Contains($"{p.Text("targetPort")} {p.Text("port")}")))
                yield return $"{service.Name()}: no container has the port {port.Text("targetPort")} = {port.Text("port")}";
        }
        foreach (var budget in all.Of("PodDisruptionBudget")
            .Where(b => all.Lasting.Count(w => b.At("spec.selector").Selects(w.Labels)) != 1))
        {
            yield return $"{budget.Name()} selects no workload";
        }
        foreach (var scaler in all.Of("HorizontalPodAutoscaler")
            .Where(h => all.Lasting.All(w => w.Title != h.At("spec.scaleTargetRef")!.Text("kind") + "/" + h.Text("spec.scaleTargetRef.name")
            || w.Object.At("spec.replicas") is not null)))
        {
            yield return $"{scaler.Name()} scales no workload, or one that says its own replicas";
        }
    }

    // What Prometheus' operator would look at.
    private static IEnumerable<string> Monitors(Manifests all)
    {
        foreach (var monitor in all.Of("PodMonitor"))
        {
            var targets = all.Lasting.Where(w => monitor.At("spec.selector").Selects(w.Labels)).ToList();
            if (targets.Count == 0)
                yield return $"{monitor.Name()} selects no workload";
            foreach (var port in monitor.List("spec.podMetricsEndpoints").Select(e => e.Text("port")))
            {
                foreach (var target in targets.Where(w => !w.Main.SelectMany(c => c.List("ports")).Any(p => p.Text("name") == port)))
                    yield return $"{monitor.Name()}: {target.Component} has no port {port}";
            }
        }
    }

    /// <summary>"Secret redis", and "Secret redis password" for each key.</summary>
    private static HashSet<string> Given(Manifests all)
    {
        var given = new HashSet<string>();
        foreach (var map in all.Of("ConfigMap"))
        {
            given.UnionWith(map.Strings("data").Keys.Select(k => $"ConfigMap {map.Text("metadata.name")} {k}")
                .Append($"ConfigMap {map.Text("metadata.name")}"));
        }
        foreach (var name in all.Of("Certificate").Select(c => c.Text("spec.secretName")))
            given.UnionWith([$"Secret {name}", $"Secret {name} tls.crt", $"Secret {name} tls.key", $"Secret {name} ca.crt"]);
        // | Secret `launch-keys` | `signing.key`, `token.key` | …
        foreach (var row in File.ReadLines(RepositoryPaths.File("docs/kubernetes.md")).Select(l => Row().Match(l)).Where(m => m.Success))
        {
            var source = $"{row.Groups[1].Value} {row.Groups[2].Value}";
            given.UnionWith(Quoted().Matches(row.Groups[3].Value).Select(k => $"{source} {k.Groups[1].Value}").Append(source));
        }
        return given;
    }

    private static IEnumerable<(string Source, string? Key)> Sources(Workload workload)
    {
        foreach (var volume in workload.Volumes)
        {
            foreach (var source in volume.List("projected.sources").Append(volume)
                .SelectMany(s => new[] { ("Secret", s.At("secret")), ("ConfigMap", s.At("configMap")) }))
            {
                if (source.Item2 is not { } from)
                    continue;
                var name = $"{source.Item1} {from.Text("name") ?? from.Text("secretName")}";
                yield return (name, null);
                foreach (var item in from.List("items"))
                    yield return (name, item.Text("key"));
            }
        }
        foreach (var map in workload.Containers.SelectMany(c => c.List("envFrom")).Select(e => e.Text("configMapRef.name"))
            .OfType<string>())
        {
            yield return ($"ConfigMap {map}", null);
        }
    }

    [GeneratedRegex(@"^ *\| (Secret|ConfigMap) `([a-z0-9-]+)` \| ([^|]*)\|")]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();
}
