using System.Reflection;
using System.Text.RegularExpressions;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>deploy/otel: alerts and dashboards name metrics that there are, and each alert is tried with its fault and without.</summary>
public sealed partial class AlertTests
{
    private const string Rules = "deploy/otel/alerts.yaml", RuleTests = "deploy/otel/alerts.test.yaml";

    // As the Prometheus exporter writes it: "overture.csr.decisions" with dots as underscores, before unit and kind are added.
    private static readonly HashSet<string> Known = [.. typeof(FlowTelemetry).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!).Select(n => n.Replace('.', '_'))];

    [Theory]
    [InlineData(Rules)]
    [InlineData(RuleTests)]
    [InlineData("deploy/otel/dashboards/overture.json")]
    public async Task Metrics_ThatAreNamed_Exist(string file)
    {
        var named = MetricName().Matches(await File.ReadAllTextAsync(RepositoryPaths.File(file))).Select(m => m.Value).Distinct().ToList();
        Assert.True(named.Count > 10, $"{file} names {named.Count} metrics");
        Assert.DoesNotContain(named, n => !Known.Contains(Suffix().Replace(n, "")));
    }

    [Fact]
    public async Task Alerts_AreEachTriedWithTheirFaultAndWithout()
    {
        var alerts = Regex.Matches(await File.ReadAllTextAsync(RepositoryPaths.File(Rules)), @"alert: (\w+)")
            .Select(m => m.Groups[1].Value);
        var tests = await File.ReadAllTextAsync(RepositoryPaths.File(RuleTests));
        foreach (var alert in alerts)
        {
            var expected = Regex.Matches(tests, $@"alertname=""{alert}"".*\n.*\n.*value: (\d)").Select(m => m.Groups[1].Value).Order();
            Assert.Equal((alert, "01"), (alert, string.Concat(expected)));
        }
    }

    // A kind whose counter does not begin at zero alerts nobody the first time.
    [Fact]
    public async Task Kinds_AreTheFirstPartsOfAllKeysButProbes() =>
        Assert.Equal(FirstPart().Matches(await File.ReadAllTextAsync(RepositoryPaths.File("services/Platform/Records/ObjectKeys.cs")))
            .Select(m => m.Groups[1].Value).Distinct().Except(["probe"]).Order(StringComparer.Ordinal), ObjectKeys.Kinds);

    [Fact]
    public void Alerts_SayWhatToDo()
    {
        var groups = (IReadOnlyList<object?>)((IReadOnlyDictionary<string, object?>)StrictYaml.Read(
            File.ReadAllText(RepositoryPaths.File(Rules)))!)["groups"]!;
        foreach (var rule in groups.Cast<IReadOnlyDictionary<string, object?>>().SelectMany(g => (IReadOnlyList<object?>)g["rules"]!))
        {
            var annotations = (IReadOnlyDictionary<string, object?>)((IReadOnlyDictionary<string, object?>)rule!)["annotations"]!;
            Assert.NotEmpty((string)annotations["summary"]!);
            Assert.NotEmpty((string)annotations["next"]!);
        }
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Rules_PassPrometheusOwnChecks()
    {
        (await Shell.Run("promtool", "check", "config", RepositoryPaths.File("deploy/otel/prometheus.yaml"))).Ok();
        (await Shell.Run("promtool", "test", "rules", RepositoryPaths.File(RuleTests))).Ok();
    }

    [GeneratedRegex(@"\boverture_[a-z_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex("\"([a-z-]+)/")]
    private static partial Regex FirstPart();

    [GeneratedRegex(@"(_seconds)?(_total|_bucket|_count|_sum)?$")]
    private static partial Regex Suffix();
}
