using System.Net;
using Overture.Conductor.Providers;
using Overture.Conductor.Reconcile;
using Overture.Conductor.Webhooks;
using Overture.Platform.Faults;
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
        var metrics = FreePort.Next();
        var provider = new FakeProvider();
        await using var host = await Start(metrics, provider);
        await using var prometheus = new PrometheusServer(metrics);
        await Launch(host);
        // counters are the process's, and other tests launched before this one
        await prometheus.Becomes("overture_launches_total{outcome=\"started\"}", v => v >= 1);
        await prometheus.Becomes("overture_instances{state=\"running\"}", v => v == 1);
        Assert.Equal(0, await prometheus.Value("overture_instance_conditions{condition=\"stalled\"}"));

        provider.Refusal = new ProviderException("no capacity (InsufficientInstanceCapacity)");
        await Launch(host);
        // an increase is counted from the first sample on
        await prometheus.Becomes("overture_launches_total{outcome=\"refused\"}", v => v >= 1);
        Assert.True(await prometheus.IsQuiet("OvertureLaunchesRefused"));
        for (var i = 0; i < 8; i++)
            await Launch(host);
        await Eventually.True(() => prometheus.Fires("OvertureLaunchesRefused"), "it fires", EventWorld.Limit);
        await prometheus.Becomes("overture_instance_conditions{condition=\"launch-failed\"}", v => v == 9);
    }

    // Alerts whose faults need this process's clock, store or provider; the others are EndToEnd.Tests' (FiredAlertsTests).
    [Fact]
    public async Task Prometheus_FiresAlerts_ForFaultsMadeForThemAndNotBefore()
    {
        var (metrics, clock) = (FreePort.Next(), new QuickTurnsClock());
        var (provider, store) = (new FakeProvider(), new FaultyStore(world.OpenStore()));
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = _ => Task.FromResult(200);
        var secret = directory.File("secret");
        await File.WriteAllTextAsync(secret, EventWorld.Secret);
        await using var host = await ConductorHost.Start(world, new() { Provider = provider, Clock = clock, Store = store },
            o => o with
            {
                Prometheus = new PrometheusOptions { Listen = $"127.0.0.1:{metrics}" },
                Webhooks = new Dictionary<string, WebhookOptions>
                {
                    ["chat"] = new() { Url = receiver.Url, SecretFile = secret, GiveUpAfter = TimeSpan.FromDays(3) },
                },
            });
        await using var prometheus = new PrometheusServer(metrics);
        await Eventually.True(() => host.Get<WebhookDelivery>().Pumps.Count == 1, "without a registry it takes its turn", EventWorld.Limit);
        await Eventually.True(async () => await store.Get(ObjectKeys.WebhookPosition("chat"), default) is not null, "it delivers",
            EventWorld.Limit);
        await prometheus.Becomes("overture_events_behind_seconds", v => v < 300);

        // 1. the receiver refuses
        await Fires(prometheus, "OvertureWebhookDeadLetters", async () =>
        {
            receiver.Answer = _ => Task.FromResult(422);
            await Launch(host);
        });
        // 2. it is away, and time passes
        await Fires(prometheus, "OvertureWebhookBehind", async () =>
        {
            receiver.Answer = _ => Task.FromResult(500);
            await Launch(host);
            await prometheus.Becomes("overture_webhook_waiting", v => v >= 1);
            clock.Shift += TimeSpan.FromMinutes(20);
        });
        // 3. the store takes no events
        await Fires(prometheus, "OvertureEventsNotRecorded", async () =>
        {
            store.BeforeWrite = key => key.StartsWith(ObjectKeys.EventLog, StringComparison.Ordinal)
                ? throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "away") : Task.CompletedTask;
            await Launch(host);
            clock.Shift += TimeSpan.FromMinutes(10);
        });
        store.BeforeWrite = null;
        clock.Shift += TimeSpan.FromMinutes(1);
        await Eventually.True(() => prometheus.IsQuiet("OvertureEventsNotRecorded"), "it is over", EventWorld.Limit);
        // 4. an instance that no record names
        await Fires(prometheus, "OvertureRepairsHeldBack", async () =>
        {
            provider.Seed(TestIds.New().CertName(), clock.GetUtcNow().AddHours(-1));
            await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        });
    }

    private static async Task Fires(PrometheusServer prometheus, string alert, Func<Task> fault)
    {
        Assert.True(await prometheus.IsQuiet(alert), $"{alert} before its fault");
        await fault();
        await Eventually.True(() => prometheus.Fires(alert), alert, TimeSpan.FromMinutes(2));
    }

    private Task<ConductorHost> Start(int metrics, FakeProvider provider) => ConductorHost.Start(world, new() { Provider = provider },
        o => o with { Prometheus = new PrometheusOptions { Listen = $"127.0.0.1:{metrics}" } });

    private static async Task Launch(ConductorHost host) =>
        Assert.Single((await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results);
}

/// <summary>Metrics are the whole process's: what reads them must not run beside other services.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
