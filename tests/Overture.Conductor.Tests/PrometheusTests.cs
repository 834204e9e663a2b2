using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Overture.Conductor.Providers;
using Overture.Conductor.Webhooks;
using Overture.Platform.Options;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A real Prometheus scrapes a running Conductor by deploy/otel, and an alert fires for a real fault.</summary>
[Collection(nameof(AloneCollection))]
[Trait("Category", "integration")]
public sealed class PrometheusTests : IDisposable
{
    private readonly ConductorFixture world = new();
    private readonly TempDirectory directory = new();
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false });

    public void Dispose()
    {
        http.Dispose();
        directory.Dispose();
        world.Dispose();
    }

    [Fact]
    public async Task Listener_ServesMetricsAndNothingElse()
    {
        var metrics = FreePort.Next();
        await using var host = await Start(metrics, new FakeProvider());
        await Launch(host);
        var text = await http.GetStringAsync($"http://127.0.0.1:{metrics}/metrics");
        Assert.Contains("overture_launches_total", text, StringComparison.Ordinal);
        Assert.Contains("overture_instances{", text, StringComparison.Ordinal);
        Assert.Contains("overture_registry_healthy", text, StringComparison.Ordinal);
        Assert.Contains("overture_store_duration_seconds_bucket", text, StringComparison.Ordinal);
        foreach (var path in new[] { "/", "/metrics/x", "/overture.conductor.v1.ConductorService/LaunchInstances" })
            Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync($"http://127.0.0.1:{metrics}{path}")).StatusCode);
    }

    [Fact]
    public async Task Prometheus_Scrapes_AndFiresForRefusedLaunches()
    {
        var (metrics, port) = (FreePort.Next(), FreePort.Next());
        var provider = new FakeProvider();
        await using var host = await Start(metrics, provider);
        await using var prometheus = StartPrometheus(metrics, port);
        await Launch(host);
        // counters are the process's, and other tests launched before this one
        await Becomes(port, "overture_launches_total{outcome=\"started\"}", v => v >= 1);
        await Becomes(port, "overture_instances{state=\"running\"}", v => v == 1);
        Assert.Equal(0, await Query(port, "overture_instance_conditions{condition=\"stalled\"}"));

        provider.Refusal = new ProviderException("no capacity (InsufficientInstanceCapacity)");
        await Launch(host);
        // an increase is counted from the first sample on
        await Becomes(port, "overture_launches_total{outcome=\"refused\"}", v => v >= 1);
        Assert.Null(await Query(port, "ALERTS{alertname=\"OvertureLaunchesRefused\", alertstate=\"firing\"}"));
        for (var i = 0; i < 8; i++)
            await Launch(host);
        await Becomes(port, "ALERTS{alertname=\"OvertureLaunchesRefused\", alertstate=\"firing\"}", v => v == 1);
        await Becomes(port, "overture_instance_conditions{condition=\"launch-failed\"}", v => v == 9);
    }

    // Alerts of the Conductor whose faults are made in a moment; those of CertAuthority, and of what takes hours, promtool tries.
    [Fact]
    public async Task Prometheus_FiresAlerts_ForFaultsMadeForThem()
    {
        var (metrics, port, clock) = (FreePort.Next(), FreePort.Next(), new QuickTurnsClock());
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = r => Task.FromResult(r.Type == "overture.instance.requested" ? 422 : 500);
        var secret = directory.File("secret");
        await File.WriteAllTextAsync(secret, EventWorld.Secret);
        var store = world.OpenStore();
        // The registry is away from the start (OvertureRegistryAway); OvertureDown is for the two services that do not run here.
        await using var host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Clock = clock, Store = store },
            o => o with
            {
                Prometheus = new PrometheusOptions { Listen = $"127.0.0.1:{metrics}" },
                Webhooks = new Dictionary<string, WebhookOptions>
                {
                    ["chat"] = new() { Url = receiver.Url, SecretFile = secret, GiveUpAfter = TimeSpan.FromDays(3) },
                },
            });
        await using var prometheus = StartPrometheus(metrics, port, "    for: ");
        await Eventually.True(() => host.Get<WebhookDelivery>().Pumps.Count == 1, "without a registry it takes its turn", EventWorld.Limit);
        await Eventually.True(async () => await store.Get(ObjectKeys.WebhookPosition("chat"), default) is not null, "it delivers",
            EventWorld.Limit);

        await Launch(host);
        await Fires(port, clock, "OvertureDown", "OvertureRegistryAway", "OvertureWebhookDeadLetters");
        clock.Shift += TimeSpan.FromMinutes(45);
        await Fires(port, clock, "OvertureInstancesStalled", "OvertureWebhookBehind");
    }

    // While time passes quickly: scans are half a minute apart, and further where one took long.
    private async Task Fires(int port, QuickTurnsClock clock, params string[] alerts)
    {
        foreach (var alert in alerts)
        {
            await Eventually.True(async () =>
            {
                clock.Shift += TimeSpan.FromSeconds(5);
                return await Query(port, $"ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}") is not null;
            }, alert, TimeSpan.FromMinutes(2));
        }
    }

    private Task<ConductorHost> Start(int metrics, FakeProvider provider) => ConductorHost.Start(world, new() { Provider = provider },
        o => o with { Prometheus = new PrometheusOptions { Listen = $"127.0.0.1:{metrics}" } });

    /// <param name="without">What lines of the rules hold that are left out: a fault need not last.</param>
    private BoundProcess StartPrometheus(int metrics, int port, string without = "\0")
    {
        File.WriteAllLines(directory.File("alerts.yaml"), File.ReadAllLines(RepositoryPaths.File("deploy/otel/alerts.yaml"))
            .Where(l => !l.Contains(without, StringComparison.Ordinal)));
        File.WriteAllText(directory.File("prometheus.yaml"), File.ReadAllText(RepositoryPaths.File("deploy/otel/prometheus.yaml"))
            .Replace("localhost:9464", $"127.0.0.1:{metrics}", StringComparison.Ordinal).Replace("15s", "1s", StringComparison.Ordinal));
        return new BoundProcess(directory.File("log"), "prometheus", [$"--config.file={directory.File("prometheus.yaml")}",
            $"--storage.tsdb.path={directory.File("data")}", $"--web.listen-address=127.0.0.1:{port}"]);
    }

    private Task Becomes(int port, string query, Func<double, bool> wanted) => Eventually.True(
        async () => await Query(port, query) is { } value && wanted(value), query);

    // The first sample; null: none, or Prometheus has not started yet.
    private async Task<double?> Query(int port, string query)
    {
        try
        {
            var answer = JsonNode.Parse(await http.GetStringAsync($"http://127.0.0.1:{port}/api/v1/query?query={Uri.EscapeDataString(query)}"));
            return answer!["data"]!["result"]!.AsArray().FirstOrDefault()?["value"]![1]!.GetValue<string>() is { } text
                ? double.Parse(text, CultureInfo.InvariantCulture) : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static async Task Launch(ConductorHost host) =>
        Assert.Single((await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results);
}

/// <summary>Metrics are the whole process's: what reads them must not run beside other services.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
