using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>Our rules for pods: Pod Security `restricted` and what it leaves open.</summary>
internal static partial class PodPolicy
{
    private const int Shutdown = 25; // s; ServiceHost's
    private static readonly string[] OfOurs = ["conductor", "certauthority", "classifier", "console"];

    /// <summary>"StatefulSet/conductor/conductor: image …" for each rule that is broken.</summary>
    public static IEnumerable<string> Problems(Manifests all) =>
        all.Workloads.SelectMany(w => PodProblems(w).Select(p => $"{w.Title}: {p}"))
            .Concat(all.Workloads.SelectMany(w => w.Containers.SelectMany(c => ContainerProblems(c)
                .Select(p => $"{w.Title}/{c.Text("name")}: {p}"))))
            .Concat(all.Lasting.SelectMany(w => w.Main.SelectMany(c => LastingProblems(w, c)
                .Select(p => $"{w.Title}/{c.Text("name")}: {p}"))))
            .Concat(all.Lasting.SelectMany(w => Around(all, w).Select(p => $"{w.Title}: {p}")))
            .Concat(NamespaceProblems(all));

    private static IEnumerable<string> PodProblems(Workload workload)
    {
        var pod = workload.Pod;
        if (pod.Text("securityContext.runAsNonRoot") != "true" || pod.Text("securityContext.runAsUser") is null or "0")
            yield return "runAsNonRoot and runAsUser";
        if (pod.Text("securityContext.seccompProfile.type") != "RuntimeDefault")
            yield return "seccompProfile RuntimeDefault";
        if (pod.Text("automountServiceAccountToken") != "false")
            yield return "automountServiceAccountToken false";
        if (pod.Text("enableServiceLinks") != "false")
            yield return "enableServiceLinks false";
        foreach (var host in new[] { "hostNetwork", "hostPID", "hostIPC" }.Where(h => pod.Text(h) == "true"))
            yield return host;
        foreach (var volume in workload.Volumes)
        {
            var kinds = ((JsonObject)volume).Select(p => p.Key).Where(k => k != "name").ToArray();
            if (kinds is not ["emptyDir" or "projected" or "secret" or "configMap" or "persistentVolumeClaim"])
                yield return $"volume {volume.Text("name")} is {string.Join(", ", kinds)}";
            // A token for the cloud is none for this cluster.
            if (volume.List("projected.sources").Any(s => s.At("serviceAccountToken") is { } token
                && token.Text("audience") != "sts.amazonaws.com"))
            {
                yield return $"volume {volume.Text("name")} has a token that this cluster's API takes";
            }
            if (volume.At("emptyDir") is not null && volume.Text("emptyDir.sizeLimit") is null)
                yield return $"volume {volume.Text("name")} has no sizeLimit";
        }
    }

    private static IEnumerable<string> ContainerProblems(JsonNode container)
    {
        if (!Tagged().IsMatch(container.Text("image") ?? "") || container.Text("image")!.EndsWith(":latest", StringComparison.Ordinal))
            yield return $"image {container.Text("image")} needs a tag that stays";
        foreach (var resource in new[] { "requests.cpu", "requests.memory", "limits.cpu",
            "limits.memory" }.Where(r => container.Text($"resources.{r}") is null))
        {
            yield return $"resources {resource}";
        }
        if (container.Text("securityContext.readOnlyRootFilesystem") != "true")
            yield return "readOnlyRootFilesystem";
        if (container.Text("securityContext.allowPrivilegeEscalation") != "false")
            yield return "allowPrivilegeEscalation false";
        if (!container.Texts("securityContext.capabilities.drop").SequenceEqual(["ALL"])
            || container.At("securityContext.capabilities.add") is not null)
        {
            yield return "capabilities drop ALL";
        }
        foreach (var key in new[] { "runAsUser", "runAsNonRoot", "seccompProfile", "privileged" }.Where(
            k => container.At($"securityContext.{k}") is not null))
        {
            yield return $"securityContext.{key} is the pod's affair";
        }
        foreach (var variable in container.List("env").Where(e => e.At("valueFrom.secretKeyRef") is not null))
            yield return $"the secret {variable.Text("name")} in the environment";
        if (container.List("envFrom").Any(e => e.At("secretRef") is not null))
            yield return "a Secret in the environment";
    }

    private static IEnumerable<string> LastingProblems(Workload workload, JsonNode container)
    {
        foreach (var probe in new[] { "startupProbe", "readinessProbe", "livenessProbe" }.Where(p => container.At(p) is null))
            yield return probe;
        if (container.Text("image")!.Contains("overture/", StringComparison.Ordinal) && container.At("ports") is not null)
        {
            // New connections stop first; then the service has its whole shutdown.
            var pause = int.TryParse(container.Texts("lifecycle.preStop.exec.command").Skip(1).FirstOrDefault(), out var seconds)
                ? seconds : 0;
            if (pause < 5 || !int.TryParse(workload.Pod.Text("terminationGracePeriodSeconds"), out var grace)
                || grace < pause + Shutdown + 5)
            {
                yield return "preStop and terminationGracePeriodSeconds";
            }
        }
        if (!OfOurs.Contains(workload.Component))
            yield break;
        // Else a cookie of one is none to the other, and a link works at one alone.
        if (workload.Component == "console" && !container.List("env").Any(e => e.Text("name") == "OVERTURE_CONSOLE__SESSIONKEY"))
            yield return "replicas without a common session key";
        string[] health = ["overture", "health", "--service", workload.Component, "--config", "/etc/overture/cli.yaml"];
        if (!container.Texts("startupProbe.exec.command").SequenceEqual(health) || !container.Texts("readinessProbe.exec.command")
            .SequenceEqual(health))
        {
            yield return "startupProbe and readinessProbe ask for health";
        }
        if (!container.Texts("livenessProbe.exec.command").Order().SequenceEqual(health.Append("--live").Order()))
            yield return "livenessProbe asks for --live, which no dependency fails";
    }

    // Objects beside a workload.
    private static IEnumerable<string> Around(Manifests all, Workload workload)
    {
        if (all.Of("PodDisruptionBudget").Count(b => b.At("spec.selector").Selects(workload.Labels)) != 1)
            yield return "one PodDisruptionBudget";
        if (!workload.Pod.List("topologySpreadConstraints")
            .Any(c => c.Text("topologyKey") == "kubernetes.io/hostname" && c.At("labelSelector").Selects(workload.Labels)))
        {
            yield return "topologySpreadConstraints";
        }
        var account = workload.Pod.Text("serviceAccountName");
        var tokenless = all.Of("ServiceAccount")
            .Any(a => a.Text("metadata.name") == account && a.Text("automountServiceAccountToken") == "false");
        if (!tokenless || all.Lasting.Count(w => w.Pod.Text("serviceAccountName") == account) != 1)
            yield return "a ServiceAccount of its own, without a token";
        if (OfOurs.Contains(workload.Component)
            && workload.Object.Text("spec.replicas") is not ("2" or "3"))
        {
            yield return "2 or 3 replicas";
        }
    }

    private static IEnumerable<string> NamespaceProblems(Manifests all)
    {
        var space = Assert.Single(all.Of("Namespace"));
        if (space.Strings("metadata.labels").GetValueOrDefault("pod-security.kubernetes.io/enforce") != "restricted")
            yield return "Namespace: pod-security enforce restricted";
        foreach (var stray in all.Objects.Where(o => o.Text("kind") != "Namespace"
            && o.Text("metadata.namespace") != space.Text("metadata.name")))
        {
            yield return $"{stray.Name()} is in another namespace";
        }
        foreach (var open in all.Of("Service").Where(s => s.Text("spec.type") is "LoadBalancer" or "NodePort"))
        {
            // Passed through as it comes, source address and all; and nothing but agents' ports.
            if (open.Text("spec.externalTrafficPolicy") != "Local" || open.List("spec.ports")
                .Any(p => p.Text("port") is not ("8140" or "8141")))
            {
                yield return $"{open.Name()}: agents' ports alone, externalTrafficPolicy Local";
            }
        }
        foreach (var ingress in all.Of("Ingress"))
            yield return $"{ingress.Name()} would end TLS";
    }

    [GeneratedRegex(@"^[a-z0-9./-]+:[A-Za-z0-9][A-Za-z0-9._-]*$")]
    private static partial Regex Tagged();
}
