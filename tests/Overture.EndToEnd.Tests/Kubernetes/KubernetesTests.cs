using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>deploy/k8s, as far as it can be known without a cluster.</summary>
[Trait("Category", "integration")]
public sealed class KubernetesTests
{
    public static TheoryData<string> Overlays => ["kind", "production", "production monitoring doctor", "chart", "chart monitoring doctor"];

    private static readonly string[] Services = ["Conductor", "CertAuthority", "Classifier", "Console"];

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Overlay_EveryObject_FitsKubernetesSchema(string overlay)
    {
        var all = await Manifests.Build(overlay);
        Assert.Equal("", (await Schema(all.Objects)).Ok());
        Assert.Equal(all.Objects.Count, all.Objects.Select(o => o.Name()).Distinct().Count());
    }

    [Fact]
    public async Task Person_OfTheDocs_FitsTheSchemaAndIsWhatServicesRead()
    {
        var page = await File.ReadAllTextAsync(RepositoryPaths.File("docs/kubernetes.md"));
        var text = page[page.IndexOf("```yaml\napiVersion: cert-manager.io/v1", StringComparison.Ordinal)..]["```yaml\n".Length..];
        var person = Assert.Single(ManifestYaml.Read(text[..text.IndexOf("```", StringComparison.Ordinal)]));
        Assert.Equal("", (await Schema([person])).Ok());
        // As cert-manager issues it.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={person.Text("spec.commonName")}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var uri in person.At("spec.uris")!.AsArray())
            names.AddUri(new Uri(uri!.GetValue<string>()));
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var leaf = request.CreateSelfSigned(now, now.AddDays(1));
        var peer = PeerIdentity.Of(leaf);
        Assert.Equal(("jo (operator)", "profile=web, label.team=blue", ""), (peer.Caller, $"{peer.Scope}", peer.Problem));
        // Its issuer is the one that the services trust.
        Assert.True(JsonNode.DeepEquals((await Manifests.Build("production")).Find("Certificate/operator").At("spec.issuerRef"),
            person.At("spec.issuerRef")));
    }

    // A validator that lets all of it through would be none.
    [Theory]
    [InlineData("StatefulSet/conductor", "spec.replica", "2", "spec/replica: unknown")]
    [InlineData("StatefulSet/conductor", "spec.replicas", "\"2\"", "spec/replicas: integer")]
    [InlineData("StatefulSet/conductor", "spec.selector", "null", "spec: required selector")]
    [InlineData("StatefulSet/conductor", "spec.template.spec.containers.0.livenessProbe.period", "2", "livenessProbe/period: unknown")]
    [InlineData("StatefulSet/conductor", "spec.podManagementPolicy", "\"Sometimes\"", "spec/podManagementPolicy: enum")]
    [InlineData("NetworkPolicy/cloud", "spec.egress.0.to.0.ipBlock.excepts", "[]", "ipBlock/excepts: unknown")]
    [InlineData("HorizontalPodAutoscaler/puppetserver", "apiVersion", "\"autoscaling/v9\"", "no schema")]
    [InlineData("Certificate/conductor", "spec.uriSANs", "[]", "spec/uriSANs: unknown")]
    [InlineData("PodMonitor/overture", "spec.podMetricsEndpoints.0.ports", "\"metrics\"", "podMetricsEndpoints/0/ports: unknown")]
    [InlineData("PrometheusRule/overture", "spec.groups.0.rules.0.expression", "\"up\"", "rules/0/expression: unknown")]
    [InlineData("Job/doctor", "spec.backoffLimit", "\"0\"", "spec/backoffLimit: integer")]
    public async Task Schema_WrongObject_IsTold(string name, string path, string value, string said)
    {
        var all = await Manifests.Build("production monitoring doctor");
        Set(all.Find(name), path, value);
        Assert.Contains(said, (await Schema(all.Objects)).Ok(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Overlay_Rules_Hold(string overlay)
    {
        var all = await Manifests.Build(overlay);
        Assert.Empty(Problems(all, overlay.Split(' ')[1..]));
    }

    [Theory]
    [InlineData("StatefulSet/conductor", "spec.template.spec.containers.0.image", "\"overture/conductor:latest\"", "image")]
    [InlineData("StatefulSet/conductor", "spec.template.spec.containers.0.image", "\"overture/conductor\"", "image")]
    [InlineData("StatefulSet/conductor", "spec.template.spec.containers.0.resources.limits.memory", null, "limits.memory")]
    [InlineData("Deployment/classifier", "spec.template.spec.containers.0.resources.requests.cpu", null, "requests.cpu")]
    [InlineData("StatefulSet/redis", "spec.template.spec.securityContext.runAsNonRoot", null, "runAsNonRoot")]
    [InlineData("StatefulSet/redis", "spec.template.spec.securityContext.runAsUser", "0", "runAsNonRoot")]
    [InlineData("Job/init", "spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem", "false", "readOnlyRootFilesystem")]
    [InlineData("Job/init", "spec.template.spec.containers.0.securityContext.capabilities.drop", "[]", "drop ALL")]
    [InlineData("Job/init", "spec.template.spec.securityContext.seccompProfile.type", "\"Unconfined\"", "seccompProfile")]
    [InlineData("StatefulSet/puppetserver", "spec.template.spec.initContainers.0.securityContext.allowPrivilegeEscalation", "true",
        "allowPrivilegeEscalation")]
    [InlineData("StatefulSet/puppetserver", "spec.template.spec.automountServiceAccountToken", null, "automountServiceAccountToken")]
    [InlineData("StatefulSet/puppetserver", "spec.template.spec.hostNetwork", "true", "hostNetwork")]
    [InlineData("StatefulSet/puppetserver", "spec.template.spec.volumes.0", """{"name":"etc","hostPath":{"path":"/etc"}}""", "hostPath")]
    [InlineData("StatefulSet/conductor", "spec.template.spec.volumes.0",
        """{"name":"etc","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}""", "token that this cluster")]
    [InlineData("StatefulSet/certauthority", "spec.template.spec.containers.0.startupProbe", null, "startupProbe")]
    [InlineData("StatefulSet/certauthority", "spec.template.spec.containers.0.readinessProbe.exec.command.3", "\"conductor\"",
        "ask for health")]
    [InlineData("StatefulSet/certauthority", "spec.template.spec.containers.0.livenessProbe.exec.command.2", "\"--service\"", "--live")]
    [InlineData("StatefulSet/conductor", "spec.template.spec.terminationGracePeriodSeconds", "30", "terminationGracePeriodSeconds")]
    [InlineData("StatefulSet/conductor", "spec.template.spec.containers.0.lifecycle", null, "preStop")]
    [InlineData("StatefulSet/conductor", "spec.template.spec.topologySpreadConstraints", null, "topologySpreadConstraints")]
    [InlineData("StatefulSet/conductor", "spec.template.spec.serviceAccountName", "\"classifier\"", "ServiceAccount of its own")]
    [InlineData("StatefulSet/conductor", "spec.replicas", "1", "2 or 3 replicas")]
    [InlineData("PodDisruptionBudget/conductor", "spec.selector.matchLabels", """{"app.kubernetes.io/component":"conductors"}""",
        "one PodDisruptionBudget")]
    [InlineData("Namespace/overture", "metadata.labels", "{}", "pod-security")]
    [InlineData("Service/puppet", "spec.externalTrafficPolicy", "\"Cluster\"", "externalTrafficPolicy")]
    [InlineData("Service/conductor", "spec.type", "\"LoadBalancer\"", "agents' ports alone")]
    [InlineData("NetworkPolicy/default-deny", "spec.policyTypes", "[\"Ingress\"]", "no default-deny")]
    [InlineData("NetworkPolicy/cloud", "spec.egress.0.to.0.ipBlock.except", "[\"169.254.170.0/24\"]", "metadata service")]
    [InlineData("NetworkPolicy/cloud", "spec.egress.0.ports", "[]", "without a TCP port")]
    [InlineData("NetworkPolicy/cloud", "spec.egress.0.ports.0.port", "80", "conductor cloud 80")]
    [InlineData("NetworkPolicy/cloud", "spec.egress", "[{}]", "a rule without to lets everybody")]
    [InlineData("NetworkPolicy/dns", "spec.egress.0.ports", "[]", "without a TCP port")]
    [InlineData("NetworkPolicy/dns", "spec.egress.0.to", "[]", "a rule without to lets everybody")]
    [InlineData("NetworkPolicy/conductor", "spec.egress", "[]", "conductor certauthority 8141 is allowed to enter and not to leave")]
    [InlineData("NetworkPolicy/classifier", "spec.ingress", "[]", "puppetserver classifier 7003 is allowed to leave and not to enter")]
    [InlineData("NetworkPolicy/classifier", "spec.ingress.0.from", "[]", "lets everybody")]
    [InlineData("NetworkPolicy/classifier", "spec.ingress.0.from", """[{"podSelector":{"matchLabels":{"app":"x"}}}]""", "matches no pod")]
    [InlineData("NetworkPolicy/redis", "spec.podSelector.matchLabels", """{"app":"redis"}""", "selects no pod")]
    [InlineData("Deployment/console", "spec.replicas", "1", "2 or 3 replicas")]
    [InlineData("Deployment/console", "spec.template.spec.containers.0.readinessProbe.exec.command.3", "\"conductor\"", "ask for health")]
    [InlineData("Deployment/console", "spec.template.spec.containers.0.startupProbe", null, "startupProbe")]
    [InlineData("NetworkPolicy/console", "spec.egress", "[]", "console conductor 7001 is allowed to enter and not to leave")]
    [InlineData("NetworkPolicy/console", "spec.ingress", "[]", "cli console 8144 is allowed to leave and not to enter")]
    [InlineData("NetworkPolicy/console", "spec.ingress.0.from", """[{"ipBlock":{"cidr":"0.0.0.0/0"}}]""",
        "agents console 8144 is not in docs/architecture.md")]
    [InlineData("PodDisruptionBudget/console", "spec.selector.matchLabels", """{"app.kubernetes.io/component":"consoles"}""",
        "one PodDisruptionBudget")]
    [InlineData("Deployment/console", "spec.template.spec.containers.0.env.5",
        """{"name":"OVERTURE_CONSOLE__STATEDIRECTORY","value":"/tmp"}""",
        "replicas without a common session key")]
    [InlineData("Service/classifier", "spec.selector", """{"app.kubernetes.io/component":"x"}""", "selects 0 workloads")]
    [InlineData("Service/classifier", "spec.ports.0.port", "7004", "no container has the port")]
    [InlineData("Deployment/classifier", "spec.selector.matchLabels", """{"app":"x"}""", "its selector is not its pods'")]
    [InlineData("StatefulSet/redis", "spec.template.spec.volumes.0.persistentVolumeClaim.claimName", "\"keys\"", "there is no claim keys")]
    [InlineData("Job/init", "spec.template.spec.volumes.0", """{"name":"scripts","configMap":{"name":"x"}}""", "there is no ConfigMap x")]
    [InlineData("Job/init", "spec.template.spec.volumes.0",
        """{"name":"scripts","secret":{"secretName":"redis","items":[{"key":"x","path":"x"}]}}""", "there is no Secret redis x")]
    [InlineData("HorizontalPodAutoscaler/puppetserver", "spec.scaleTargetRef.name", "\"puppet\"", "scales no workload")]
    public async Task Overlay_BrokenRule_IsTold(string name, string path, string? value, string said)
    {
        var all = await Manifests.Build("kind");
        Set(all.Find(name), path, value);
        Assert.Contains(Problems(all), p => p.Contains(said, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Job/doctor", "spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem", "false", "readOnlyRootFilesystem")]
    [InlineData("Job/doctor", "spec.template.spec.automountServiceAccountToken", null, "automountServiceAccountToken")]
    [InlineData("Job/doctor", "spec.template.spec.serviceAccountName", "\"nobody\"", "no ServiceAccount nobody")]
    [InlineData("Job/doctor", "spec.template.spec.volumes.0.projected.sources.0.secret.name", "\"doctor-tls\"",
        "there is no Secret doctor-tls")]
    [InlineData("NetworkPolicy/doctor", "spec.egress", "[]", "doctor conductor 7001 is allowed to enter and not to leave")]
    [InlineData("NetworkPolicy/doctor-classifier", "spec.ingress.0.ports.0.port", "8143",
        "doctor classifier 7003 is allowed to leave and not to enter")]
    [InlineData("NetworkPolicy/prometheus", "spec.ingress.0.from.0.podSelector", null, "any pod of monitoring")]
    [InlineData("NetworkPolicy/prometheus", "spec.ingress.0.ports.0.port", "7001",
        "prometheus conductor 7001 is not in docs/architecture.md")]
    [InlineData("PodMonitor/overture", "spec.podMetricsEndpoints.0.port", "\"metric\"",
        "PodMonitor/overture: conductor has no port metric")]
    [InlineData("PodMonitor/overture", "spec.selector.matchExpressions.0.values", "[\"x\"]", "PodMonitor/overture selects no workload")]
    public async Task Component_BrokenRule_IsTold(string name, string path, string? value, string said)
    {
        var all = await Manifests.Build("production monitoring doctor");
        Set(all.Find(name), path, value);
        Assert.Contains(Problems(all, "monitoring", "doctor"), p => p.Contains(said, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Overlay_VariablesAndPorts_AreWhatTheServicesRead(string overlay)
    {
        var all = await Manifests.Build(overlay);
        foreach (var service in Services)
        {
            var options = await PodOptions.Of(service);
            Assert.Empty(options.Problems(all, all.Workloads.Single(w => w.Component.Equals(service, StringComparison.OrdinalIgnoreCase))));
        }
    }

    [Theory]
    [InlineData("spec.template.spec.containers.0.env.1.name", "\"OVERTURE_CONDUCTOR__LISTENS\"",
        "nothing reads OVERTURE_CONDUCTOR__LISTENS")]
    [InlineData("spec.template.spec.containers.0.env.1.value", "\"0.0.0.0:7009\"",
        "has the ports 7001 8142 and listens on 0.0.0.0:7009 0.0.0.0:8142")]
    [InlineData("spec.template.spec.containers.0.env.1.value", "\"127.0.0.1:7001\"", "listens on 127.0.0.1:7001")]
    [InlineData("spec.template.spec.containers.0.ports.1.containerPort", "8143", "has the ports 7001 8143")]
    [InlineData("spec.template.spec.containers.0.env.3.value", "\"/etc/overture/tls.crt\"", "nothing is mounted at /etc/overture/tls.crt")]
    [InlineData("spec.template.spec.containers.0.env.0", """{"name":"OVERTURE_CONDUCTOR__REPLICA","value":"1"}""",
        "must be the pod's name")]
    [InlineData("spec.template.spec.containers.0.env.0", """{"name":"OVERTURE_CONDUCTOR__REGISTRY__DEADLINE","value":"soon"}""",
        "is no duration")]
    public async Task Variables_BrokenOne_IsTold(string path, string value, string said)
    {
        var all = await Manifests.Build("production");
        Set(all.Find("StatefulSet/conductor"), path, value);
        var options = await PodOptions.Of("Conductor");
        Assert.Contains(options.Problems(all, new Workload(all.Find("StatefulSet/conductor"))),
            p => p.Contains(said, StringComparison.Ordinal));
    }

    private static List<string> Problems(Manifests all, params string[] components)
    {
        var table = NetworkArrows.OfTheTable(components);
        var arrows = NetworkArrows.Of(all, out var network);
        return
        [
            .. PodPolicy.Problems(all), .. References.Problems(all), .. network,
            .. arrows.Except(table).Select(a => $"{a} is not in docs/architecture.md"),
            .. table.Except(arrows).Select(a => $"{a} of docs/architecture.md is not allowed"),
        ];
    }

    private static Task<Ran> Schema(IEnumerable<JsonObject> objects) => Shell.Run("node",
        [RepositoryPaths.File("tests/Overture.EndToEnd.Tests/Kubernetes/schema.mjs"),
            RepositoryPaths.File("artifacts/kubernetes/node_modules")], null,
        new JsonArray([.. objects.Select(o => o.DeepClone())]).ToJsonString());

    // Null: taken away.
    private static void Set(JsonNode node, string path, string? value)
    {
        var dot = path.LastIndexOf('.');
        var parent = dot > 0 ? node.At(path[..dot])! : node;
        var last = path[(dot + 1)..];
        if (parent is JsonArray list)
            list[int.Parse(last)] = JsonNode.Parse(value!);
        else if (value is null or "null")
            Assert.True(parent.AsObject().Remove(last));
        else
            parent[last] = JsonNode.Parse(value);
    }
}
