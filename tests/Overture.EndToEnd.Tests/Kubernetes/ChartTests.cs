using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>
/// The Helm chart and the components against kustomize and deploy/otel; the rules of <see cref="KubernetesTests"/> hold both.
/// </summary>
[Trait("Category", "integration")]
public sealed class ChartTests
{
    private const string Empty = """
        configMapGenerator: [{ name: conductor }, { name: certauthority }, { name: classifier }, { name: console }]
        """;

    private static readonly string[] Components = ["monitoring", "doctor"];

    [Fact]
    public async Task Defaults_AreTheBase() =>
        Same(await Manifests.Kustomization("base", [], Empty), await Manifests.Chart([]));

    [Fact]
    public async Task Components_AreTheComponents() =>
        Same(await Manifests.Kustomization("base", Components, Empty), await Manifests.Chart(Manifests.Enabled(Components)));

    [Fact]
    public async Task ProductionValues_AreTheProductionOverlay() =>
        Same(await Manifests.Build("production"), await Manifests.Build("chart"));

    [Fact]
    public async Task Chart_Lint_FindsNothing() =>
        Assert.Contains("0 chart(s) failed", (await Manifests.RunHelm("lint", "--strict", RepositoryPaths.File("deploy/helm/overture"),
            "--values", RepositoryPaths.File("deploy/helm/overture/production.yaml"))).Ok(), StringComparison.Ordinal);

    [Theory]
    [InlineData("replicas.conductor=1", "replicas.conductor: Must be greater than or equal to 2")]
    [InlineData("image.tag=latest", "image.tag")]
    [InlineData("image.registry=registry.example.com", "image.registry: Does not match pattern")]
    [InlineData("environment.conductor.bucket=s3://x", "environment.conductor: Property name of \"bucket\" does not match")]
    [InlineData("environment.conductors.A=b", "Additional property conductors is not allowed")]
    [InlineData("doctors.enabled=true", "Additional property doctors is not allowed")]
    public async Task Values_WrongOne_IsTold(string value, string said)
    {
        var ran = await Manifests.RunHelm("template", "overture", RepositoryPaths.File("deploy/helm/overture"), "--set", value);
        Assert.NotEqual(0, ran.ExitCode);
        Assert.Contains(said, ran.Errors, StringComparison.Ordinal);
    }

    // With kustomize a changed ConfigMap has another name; the chart's has not, and pods would go on with the old one.
    [Fact]
    public async Task ChangedVariable_RestartsItsPodsAlone()
    {
        var (before, after) = (await Manifests.Chart([]), await Manifests.Chart(["--set", "environment.conductor.A=b"]));
        var changed = before.Lasting.Where(w => !JsonNode.DeepEquals(w.Object, after.Find(w.Title))).Select(w => w.Title);
        Assert.Equal(["StatefulSet/conductor"], changed);
    }

    [Fact]
    public async Task NextTag_IsOneServices()
    {
        var all = await Manifests.Chart(["--set", "image.tag=1.0.0", "--set", "image.tags.classifier=1.0.1"]);
        Assert.All(all.Workloads.SelectMany(w => w.Containers.Select(c => (w.Component, Image: c.Text("image")!))), w =>
            Assert.EndsWith(w.Component == "classifier" ? ":1.0.1" : ":1.0.0", w.Image, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Rules_AreThoseOfOtel()
    {
        var file = await File.ReadAllTextAsync(RepositoryPaths.File("deploy/k8s/components/monitoring/rules.yaml"));
        Assert.Equal((await Shell.Run(RepositoryPaths.File("eng/kubernetes-rules.sh"), "--print")).Ok(), file);
        var alerts = ManifestYaml.Read(await File.ReadAllTextAsync(RepositoryPaths.File("deploy/otel/alerts.yaml"))).Single();
        Assert.True(JsonNode.DeepEquals(alerts, ManifestYaml.Read(file).Single().At("spec")));
    }

    [Theory]
    [InlineData("production monitoring")]
    [InlineData("chart monitoring")]
    public async Task Dashboard_IsThatOfOtel(string what)
    {
        var map = (await Manifests.Build(what)).Find("ConfigMap/dashboards");
        Assert.Equal("1", map.Strings("metadata.labels")["grafana_dashboard"]);
        var (name, text) = Assert.Single(map.Strings("data"));
        Assert.Equal("overture.json", name);
        Assert.Equal(await File.ReadAllTextAsync(RepositoryPaths.File("deploy/otel/dashboards/overture.json")), text);
    }

    private static void Same(Manifests kustomize, Manifests chart)
    {
        var (wanted, found) = (kustomize.Comparable(), chart.Comparable());
        Assert.Equal(wanted.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, node) in wanted)
        {
            Assert.True(JsonNode.DeepEquals(node, found[name]),
                $"{name}: {node.ToJsonString()} is in the chart {found[name].ToJsonString()}");
        }
    }
}
