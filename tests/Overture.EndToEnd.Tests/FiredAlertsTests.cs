using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Overture.Conductor.V1;
using Overture.Platform.Certificates;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// A real Prometheus fires the alerts of deploy/otel for faults that are made in running services: each is quiet before its fault, and
/// where it can be mended in a moment, quiet after that. What is left is in the Conductor's PrometheusTests.
/// </summary>
[Collection(nameof(FiredAlertsCollection))]
public sealed partial class FiredAlertsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    [Fact, Trait("Category", "full")]
    public async Task Prometheus_OfRequestsAndRecords_FiresForEachFaultAndNotBefore()
    {
        await using var site = await AlertSite.Start();
        // two keys with one token
        await Fires(site, async () =>
        {
            var stolen = await Register(site);
            Assert.Equal(200, await site.Ask(stolen.Instance.Certname, stolen.Token));
            Assert.Equal(403, await site.Ask(stolen.Instance.Certname, stolen.Token));
        }, "OvertureTokenStolen", "OvertureInstanceContested");
        // the provider refuses to start them
        await Fires(site, async () =>
        {
            for (var i = 0; i < 5; i++)
            {
                var spec = SimulatedAgent.Spec();
                (spec.Provider, spec.Image, spec.InstanceType) = ("local", AlertSite.UnfitImage, "small");
                var result = (await site.Conductor.Conductor.LaunchInstancesAsync(new() { Spec = spec })).Results.Single();
                Assert.Equal("PROVIDER_FAILED", result.Reason);
            }
        }, "OvertureLaunchesRefused");
        // a damaged record, which a certificate request reads again; and one that is lost
        var damaged = await Register(site);
        await Fires(site, async () =>
        {
            await site.Damage($"launches/{damaged.Instance.Certname}");
            Assert.NotEqual(200, await site.Ask(damaged.Instance.Certname, damaged.Token));
        }, "OvertureObjectUnreadable");
        var lost = new SimulatedAgent(site.Stack, 3);
        await lost.Live();
        await Fires(site, async () =>
        {
            using var certificate = X509Certificate2.CreateFromPem(lost.Pem);
            site.Forget(lost.Name, SerialNumber.Of(certificate));
            await Assert.ThrowsAnyAsync<Exception>(lost.Renew);
        }, "OvertureCaAlarm");
    }

    [Fact, Trait("Category", "full")]
    public async Task Prometheus_OfWhatTakesTooLong_FiresForEachFaultAndNotBefore()
    {
        await using var site = await AlertSite.Start();
        var agent = new SimulatedAgent(site.Stack, 1);
        await agent.Live();
        Assert.Equal(200, await site.Ask("held.example.com"));
        await Register(site);
        await site.Prometheus.Becomes("max(overture_csr_held)", v => v == 1);
        await Fires(site, () =>
        {
            site.Pass(TimeSpan.FromHours(2));
            return Task.CompletedTask;
        }, "OvertureRequestsHeld", "OvertureInstancesStalled", "OvertureInstancesSilent", "OvertureWebhookBehind");
        var slow = new SimulatedAgent(site.Stack, 5);
        await Fires(site, () => slow.Live(async () =>
        {
            // A process looks at its time once a second: an agent that is quicker would converge in the old one.
            const string Age = "max(overture_instance_condition_age_seconds{condition=\"stalled\"})";
            var before = await site.Prometheus.Value(Age);
            site.Pass(TimeSpan.FromMinutes(40));
            await site.Prometheus.Becomes(Age, v => v > before + 1800);
        }), "OvertureConvergesSlowly");
        await Fires(site, () => Task.WhenAll(agent.Report("failed"), slow.Report("failed")), "OvertureRunsFail");
        await Mended(site, () => Task.WhenAll(agent.Report(), slow.Report()), "OvertureRunsFail");
        // reports of a node that can't be looked up wait, and all that came after them; of one that is known its launch is remembered
        var unseen = TestIds.New().CertName();
        Action mend = () => { };
        await Fires(site, async () =>
        {
            mend = site.Fail($"launches/{unseen}");
            await site.Report($"{unseen}", 510);
        }, "OvertureReportsWaiting");
        await Mended(site, () =>
        {
            mend();
            return Task.CompletedTask;
        }, "OvertureReportsWaiting");
        await EveryNamedMetricIsThere(site);
    }

    [Fact, Trait("Category", "full")]
    public async Task Prometheus_OfProcessesAndStores_FiresForEachFaultAndNotBefore()
    {
        await using var site = await AlertSite.Start();
        await Fires(site, site.Stack.Redis.Kill, "OvertureRegistryAway");
        await Mended(site, site.Stack.Redis.Restart, "OvertureRegistryAway");
        await Fires(site, site.Classifier.Kill, "OvertureDown");
        await Mended(site, site.Classifier.Start, "OvertureDown");
        // probes ask all the time
        await Eventually.True(site.Conductor.Serves, "it is ready", Limit);
        Action mend = () => { };
        await Fires(site, () =>
        {
            mend = site.Fail();
            return Task.CompletedTask;
        }, "OvertureNotReady", "OvertureStoreFailing");
        await Mended(site, () =>
        {
            mend();
            return Task.CompletedTask;
        }, "OvertureNotReady");
    }

    [Fact, Trait("Category", "full")]
    public async Task Prometheus_OfCertificates_FiresForEachFaultAndNotBefore()
    {
        await using var site = await AlertSite.Start();
        await Fires(site, () => site.ShortenCertificate("classifier"), "OvertureCertificateExpires");
        await Fires(site, site.ShortenList, "OvertureCrlExpires");
        await Fires(site, site.ShortenCa, "OvertureCaExpires");
        await Fires(site, () =>
        {
            site.Fail("ca/crl");
            site.Pass(TimeSpan.FromDays(8));
            return Task.CompletedTask;
        }, "OvertureCrlOld");
    }

    // Quiet, the fault, and the alert; a look at each service's health meanwhile, as its probes do.
    private static async Task Fires(AlertSite site, Func<Task> fault, params string[] alerts)
    {
        foreach (var alert in alerts)
            await Eventually.True(() => site.Prometheus.IsQuiet(alert), $"{alert} is quiet before its fault", Limit);
        await fault();
        foreach (var alert in alerts)
            await Eventually.True(async () => await Probed(site) && await site.Prometheus.Fires(alert), alert, Limit);
    }

    private static async Task Mended(AlertSite site, Func<Task> mend, string alert)
    {
        await mend();
        await Eventually.True(async () => await Probed(site) && await site.Prometheus.IsQuiet(alert), $"{alert} is over", Limit);
    }

    private static async Task<bool> Probed(AlertSite site)
    {
        foreach (var replica in site.Stack.All.Where(r => r.Runs))
            await replica.Serves();
        return true;
    }

    private static async Task<RegisterInstanceResponse> Register(AlertSite site) =>
        await site.Conductor.Conductor.RegisterInstanceAsync(new() { Spec = SimulatedAgent.Spec() });

    // What rules and panels name, as it was scraped.
    private static async Task EveryNamedMetricIsThere(AlertSite site)
    {
        // a comparison, and a connection without a certificate
        await site.Conductor.Conductor.ReconcileAsync(new() { Apply = true });
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await using var link = await AgentLink.Open(site.Conductor.PuppetPort, site.Stack.Roots);
            await link.Send(AgentLink.RequestTo("GET", "/"));
        });
        await site.Prometheus.Becomes("count(overture_connections_refused_total)", v => v >= 1);
        await site.Prometheus.Becomes("count(overture_reconcile_repaired_total)", v => v >= 1);
        var scraped = await site.Prometheus.Names();
        var named = new[] { "alerts.yaml", "dashboards/overture.json" }
            .SelectMany(f => Name().Matches(File.ReadAllText(RepositoryPaths.File($"deploy/otel/{f}"))).Select(m => m.Value)).Distinct();
        // A next step may name a histogram as a whole.
        Assert.DoesNotContain(named, n => !scraped.Contains(n) && !scraped.Contains($"{n}_bucket"));
    }

    [GeneratedRegex(@"\boverture_[a-z_]+")]
    private static partial Regex Name();
}

/// <summary>Four processes of its own, and time that passes: not beside others.</summary>
[CollectionDefinition(nameof(FiredAlertsCollection), DisableParallelization = true)]
public sealed class FiredAlertsCollection;
