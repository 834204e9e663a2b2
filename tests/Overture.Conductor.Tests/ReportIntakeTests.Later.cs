using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>After the first good run, and after the listener's first certificate.</summary>
public sealed partial class ReportIntakeTests
{
    // Without a registry too: it only spreads this.
    [Fact]
    public async Task Post_FailedAfterTheFirstGoodRun_IsShownUntilTheNextGoodOne()
    {
        var name = await Launch();
        await Post(Report(name));
        await State(name, InstanceState.Converged);
        await Post(Report(name).Replace("status: changed\n", "status: failed\n", StringComparison.Ordinal));
        await Eventually.True(async () => (await Get(name)).Trouble == InstanceTrouble.RunFailed, "the failed run shows");
        await Post(Report(name).Replace("noop: false", "noop: true", StringComparison.Ordinal));
        await Eventually.True(async () => (await Get(name)).Trouble == InstanceTrouble.PartialRun, "the noop run shows");
        Assert.Equal(InstanceState.Converged, (await Get(name)).State);
        await Post(Report(name));
        await Eventually.True(async () => (await Get(name)).Conditions.Count == 0, "it is well again");
        Assert.Equal(["converged"], (await host.Get<InstanceRecordsReader>().Read(name, default))!.Facts.Select(f => f.Event)
            .Where(e => e.StartsWith("run-", StringComparison.Ordinal) || e == "converged"));
    }

    /// <summary>By the last line of its report, which an agent logs just before it sends it.</summary>
    [Fact]
    public async Task Post_ByAClockThatIsOff_IsAConditionUntilAReportAgrees()
    {
        var name = await Launch();
        await Post(Logged(TimeSpan.FromMinutes(-10)));
        await State(name, InstanceState.Converged);
        await Eventually.True(async () => (await Get(name)).Conditions is [{ Type: ConditionType.ClockSkew, Reason: "CLOCK_BEHIND" }],
            "its clock is behind");
        await Post(Logged(TimeSpan.FromHours(1)));
        await Eventually.True(async () => (await Get(name)).Conditions is [{ Type: ConditionType.ClockSkew, Reason: "CLOCK_AHEAD" }],
            "its clock is ahead");
        await Post(Logged(TimeSpan.Zero));
        await Eventually.True(async () => (await Get(name)).Conditions.Count == 0, "its clock is right");

        string Logged(TimeSpan ahead) => Report(name).Replace("  source: Puppet\n",
            $"  source: Puppet\n  time: '{clock.GetUtcNow() + ahead:O}'\n", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Listener_CertificateRevoked_NotReadyUntilItHasAnother()
    {
        var listener = host.Get<PuppetHostCertificate>();
        var first = listener.Current!;
        var health = new PuppetHostHealth(listener, clock);
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync(new())).Status);
        // While the store is away it can not be mended.
        store.Down = true;
        listener.MarkRevoked();
        var seen = await health.CheckHealthAsync(new());
        Assert.Equal(HealthStatus.Unhealthy, seen.Status);
        Assert.Contains($"({first.Subject}) is revoked, and it has no other yet", seen.Description, StringComparison.Ordinal);
        store.Down = false;
        await Eventually.True(() => listener.Current!.Subject != first.Subject, "it has another");
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync(new())).Status);
        // That CertAuthority revoked it is found in the store.
        var second = listener.Current!;
        var serial = $"{Overture.Platform.Certificates.SerialNumber.Of(second)}";
        await store.PutIfAbsent(ObjectKeys.Revocation(serial), new Revocation { Schema = 1, Serial = serial }, default);
        await Eventually.True(() => listener.Current!.Subject != second.Subject, "it has a third");
    }
}
