using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Reports;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Reports over real TLS, with certificates of a Puppet CA; the listener got its own by registering itself.</summary>
public sealed partial class ReportIntakeTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly int reports = FreePort.Next();
    private readonly LeapClock clock = new();
    private FaultyStore store = null!;
    private PuppetCaStandIn ca = null!;
    private ConductorHost host = null!;
    private X509Certificate2 puppetserver = null!;
    private CertName serverName;

    public async Task InitializeAsync()
    {
        store = new FaultyStore(world.OpenStore());
        ca = await PuppetCaStandIn.Start(world.Ca);
        host = await StartHost();
        var registered = await host.As("admin").RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec(s => s.Role = "puppetserver") });
        serverName = CertName.Parse(registered.Instance.Certname);
        puppetserver = world.Ca.Issue(registered.Instance.Certname, "puppet");
        await Eventually.True(() => host.Get<PuppetHostCertificate>().Current is not null, "the listener has its certificate");
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        await ca.DisposeAsync();
        world.Dispose();
    }

    [Theory]
    [InlineData("/reports")]
    [InlineData("/reports/upload")]
    public async Task Post_GoodReport_IsConverged(string path)
    {
        var name = await Launch();
        Assert.Equal(HttpStatusCode.Accepted, await Post(Report(name), path: path));
        await State(name, InstanceState.Converged);
        var fact = (await store.Get<InstanceFact>(ObjectKeys.Fact(name, "converged"), default))!;
        Assert.Equal(("changed", "2f8a5b1c-1111-4222-8333-444455556666"), (fact.RunStatus, fact.TransactionUuid));
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 12, 0, 0, 123, TimeSpan.Zero), fact.RunStartedAt.ToDateTimeOffset(),
            TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public async Task Post_ForAnInstanceThatWasNeverCertified_ProvesNothing()
    {
        // puppetserver passes on whatever host name an agent put into its report.
        var victim = CertName.Parse((await LaunchOne()).Results.Single().Instance.Certname);
        Assert.Equal(HttpStatusCode.Accepted, await Post(Report(victim)));
        var other = await Launch();
        await Post(Report(other));
        await State(other, InstanceState.Converged); // reports are worked off in order
        Assert.Equal(InstanceState.Running, (await Get(victim)).State);
        Assert.Null(await store.Get(ObjectKeys.Fact(victim, "converged"), default));
    }

    // Its classification is what failed: without Classifier there is no catalog.
    [Fact]
    public async Task Post_FailedRunOfANodeThatWasNeverClassified_IsShownAndAGoodOneIsNotBelieved()
    {
        var (name, marker) = (await Certified(), await Launch());
        await Post(Report(name).Replace("status: changed\n", "status: failed\n", StringComparison.Ordinal));
        await Eventually.True(async () => (await Get(name)).Trouble == InstanceTrouble.RunFailed, "the failed run shows");
        await Post(Report(name));
        await Post(Report(marker));
        await State(marker, InstanceState.Converged); // reports are worked off in order
        Assert.Equal((InstanceState.Signed, InstanceTrouble.RunFailed), ((await Get(name)).State, (await Get(name)).Trouble));
    }

    [Fact]
    public async Task Post_FailedThenGood_TroubleIsShownAndCleared()
    {
        var name = await Launch();
        var failed = Report(name).Replace("status: changed\n", "status: failed\n", StringComparison.Ordinal)
            .Replace("level: notice\n  message: 'Applied catalog in 0.02 seconds'",
                "level: err\n  message: 'Could not find class login_allowed'", StringComparison.Ordinal);
        await Post(failed);
        await Eventually.True(async () => (await Get(name)).Trouble == InstanceTrouble.RunFailed, "the failed run shows");
        Assert.Contains("Could not find class login_allowed", (await Get(name)).TroubleDetail, StringComparison.Ordinal);
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "run-failed-2f8a5b1c-1111-4222-8333-444455556666"), default));
        await Post(Report(name));
        await State(name, InstanceState.Converged);
        Assert.Equal(InstanceTrouble.Unspecified, (await Get(name)).Trouble);
    }

    [Theory]
    [InlineData("noop: false", "noop: true", InstanceTrouble.PartialRun)]
    [InlineData("{failed: false, changed: true,", "{failed: false, skipped: true,", InstanceTrouble.PartialRun)]
    [InlineData("cached_catalog_status: not_used", "cached_catalog_status: explicitly_requested", InstanceTrouble.PartialRun)]
    [InlineData("cached_catalog_status: not_used", "cached_catalog_status: on_failure", InstanceTrouble.RunFailed)]
    [InlineData("environment: production", "environment: staging", InstanceTrouble.RunFailed)]
    [InlineData("transaction_completed: true", "transaction_completed: false", InstanceTrouble.RunFailed)]
    public async Task Post_RunThatProvesNothing_IsNotConverged(string was, string becomes, InstanceTrouble condition)
    {
        var (name, marker) = (await Launch(), await Launch());
        await Post(Report(name).Replace(was, becomes, StringComparison.Ordinal));
        // Reports are worked off in order: once this one is through, so is the one before.
        await Post(Report(marker));
        await State(marker, InstanceState.Converged);
        var instance = await Get(name);
        Assert.Equal((InstanceState.Classified, condition), (instance.State, instance.Trouble));
    }

    [Fact]
    public async Task Post_FailedRunsForEver_LeaveAtMostTenFacts()
    {
        var (name, marker) = (await Launch(), await Launch());
        for (var i = 0; i < 15; i++)
        {
            await Post(Report(name).Replace("status: changed\n", "status: failed\n", StringComparison.Ordinal)
                .Replace("444455556666", $"4444555566{i:D2}", StringComparison.Ordinal));
        }

        await Post(Report(marker));
        await State(marker, InstanceState.Converged);
        var records = (await host.Get<InstanceRecordsReader>().Read(name, default))!;
        Assert.Equal(10, records.FailedRuns.Count());
    }

    [Fact]
    public async Task Post_ByANodesOwnCertificate_IsForbidden()
    {
        var name = await Launch();
        using var node = world.Ca.Issue(name.ToString());
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(name), node));
        Assert.Null(await store.Get(ObjectKeys.Fact(name, "converged"), default));
    }

    [Fact]
    public async Task Post_ByAnUnregisteredName_IsForbidden()
    {
        using var stranger = world.Ca.Issue("puppet.example.com");
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(await Launch()), stranger));
    }

    [Fact]
    public async Task Post_ByABlockedOrRevokedOrTerminatedPuppetserver_IsForbidden()
    {
        var name = await Launch();
        Assert.Equal(HttpStatusCode.Accepted, await Post(Report(name)));
        await store.PutIfAbsent(ObjectKeys.Revocation(puppetserver.SerialNumber.ToLowerInvariant()), new Revocation { Schema = 1 },
            default);
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(name)));
        await store.Delete(ObjectKeys.Revocation(puppetserver.SerialNumber.ToLowerInvariant()), default);
        await store.PutIfAbsent(ObjectKeys.Block(serverName, "b"), new Block { Schema = 1, At = new() }, default);
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(name)));
        await store.Delete(ObjectKeys.Block(serverName, "b"), default);
        Assert.Equal(HttpStatusCode.Accepted, await Post(Report(name)));
        await host.Get<InstanceEventStore>().Write(serverName, new InstanceFact { Event = InstanceEvents.Terminating }, default);
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(name)));
    }

    [Fact]
    public async Task Post_RoleForgedInTheBucket_IsForbidden()
    {
        // A writer of the bucket who owns a node's certificate makes it a puppetserver, signed with another key.
        var name = await Launch();
        using var node = world.Ca.Issue(name.ToString());
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var record = (await host.Get<InstanceRecordsReader>().Read(name, default))!.Launch.Clone();
        record.Role = "puppetserver";
        await store.Delete(ObjectKeys.Launch(name), default);
        await store.PutIfAbsent(ObjectKeys.Launch(name), new LaunchSigner(key).Sign(record, "x"), default);
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(name), node));
    }

    [Fact]
    public async Task Post_WithoutACertificate_FailsTheHandshake()
    {
        using var client = world.Ca.Client(null);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.PostAsync(Url("/reports"), Body("x")));
    }

    [Fact]
    public async Task Post_CertificateOfAnotherCa_FailsTheHandshake()
    {
        using var otherCa = new TestPuppetCa();
        using var forged = otherCa.Issue(serverName.ToString());
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => Post("x", forged));
    }

    /// <summary>
    /// Issue 12, point 22: every one of these chains to the root that ours chains to, and bears the name of a registered puppetserver.
    /// </summary>
    [Theory]
    [InlineData("sibling"), InlineData("same name"), InlineData("root")]
    public async Task Post_CertificateThatOurCaDidNotSignItself_FailsTheHandshake(string by)
    {
        var (leaf, sibling) = world.Ca.IssueBeside(serverName.ToString(), by == "sibling" ? "CN=Another department" : null);
        using var client = by == "root" ? world.Ca.Client(world.Ca.Root) : world.Ca.Client(leaf, sibling);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.PostAsync(Url("/reports"), Body("x")));
        Assert.Equal(HttpStatusCode.Accepted, await Post(Report(await Launch())));
    }

    /// <summary>Issue 12, point 21.</summary>
    [Fact]
    public async Task Post_CertificateThatEndedOnAKeptConnection_IsForbidden()
    {
        using var client = world.Ca.Client(puppetserver);
        using (var before = await client.PostAsync(Url("/reports"), Body(Report(await Launch()))))
            Assert.Equal(HttpStatusCode.Accepted, before.StatusCode);
        clock.Shift = TimeSpan.FromDays(31);
        using var after = await client.PostAsync(Url("/reports"), Body("x"));
        Assert.Equal(HttpStatusCode.Forbidden, after.StatusCode);
        Assert.StartsWith("CERTIFICATE_NOT_VALID", await after.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        // Nor does it open another.
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => Post("x"));
    }

    /// <summary>Issue 12, point 26.</summary>
    [Fact]
    public async Task Post_ChunkOfTwoGibibytesOrBareLineFeeds_Is400()
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(world.Ca.BundlePem);
        var identity = System.Net.Security.SslStreamCertificateContext.Create(puppetserver, null, offline: true);
        foreach (var request in (string[])["POST /reports HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n80000000\r\nabc",
            "GET / HTTP/1.1\nHost: localhost\n\n"])
        {
            await using var link = await AgentLink.Open(reports, roots, identity);
            Assert.Equal(400, (await link.Send(Encoding.ASCII.GetBytes(request))).Status);
        }
        Assert.Empty(Directory.GetFiles(Path.Combine(host.Options.StateDirectory, "reports")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Post_TooLarge_Is413AndLeavesNoFile(bool chunked)
    {
        var body = new string('x', 200 * 1024);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await Post(body, chunked: chunked));
        Assert.Empty(Directory.GetFiles(Path.Combine(host.Options.StateDirectory, "reports")));
    }

    [Fact]
    public async Task Post_GarbageBombsAndStrangers_AreTakenDroppedAndTheServiceLives()
    {
        foreach (var body in new[] { "", "garbage", "a: &a [*a, *a]\nhost: *a\n", string.Concat(Enumerable.Repeat("[", 50_000)),
            Report(TestIds.New().CertName()), "host: ../../etc\nstatus: changed\n", "\0\u0001" })
        {
            Assert.Equal(HttpStatusCode.Accepted, await Post(body));
        }

        var name = await Launch();
        await Post(Report(name));
        await State(name, InstanceState.Converged);
        await Eventually.True(() => Directory.GetFiles(Path.Combine(host.Options.StateDirectory, "reports")).Length == 0,
            "the spool is empty");
    }

    [Fact]
    public async Task Report_TakenWhileTheStoreGoesAway_WaitsInTheSpool()
    {
        var name = await Launch();
        var spool = host.Get<ReportSpool>();
        store.Down = true;
        await spool.Take(new MemoryStream(Encoding.UTF8.GetBytes(Report(name))), null, default);
        await Eventually.True(() => spool.Waiting.Count == 0, "the worker tries it");
        Assert.Single(Directory.GetFiles(Path.Combine(host.Options.StateDirectory, "reports")));
        store.Down = false;
        await State(name, InstanceState.Converged);
        await Eventually.True(() => Directory.GetFiles(Path.Combine(host.Options.StateDirectory, "reports")).Length == 0,
            "the spool is empty");
    }

    // Issue 12, 26: the disk of the spool, by way of a directory that is gone; and a puppetserver whose record is damaged.
    [Fact]
    public async Task Post_SpoolOrRecordThatFails_Is503WithoutAPathAndHealthSaysWhy()
    {
        var spool = Path.Combine(host.Options.StateDirectory, "reports");
        Directory.Delete(spool);
        using var client = world.Ca.Client(puppetserver);
        using var answer = await client.PostAsync(Url("/reports"), Body("x"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "try again\n"), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        async Task<string?> Why() =>
            (await host.Get<Microsoft.Extensions.Diagnostics.HealthChecks.HealthCheckService>().CheckHealthAsync()).Entries["state"]
                .Description;
        await Eventually.True(async () => (await Why())?.StartsWith($"{spool} takes no writes", StringComparison.Ordinal) == true,
            "the next try to write shows it");
        Directory.CreateDirectory(spool);
        Assert.Equal(HttpStatusCode.Accepted, await Post("x"));

        await File.WriteAllTextAsync(world.Data.File($"objects/launches/{serverName}"), "{");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await Post("x"));
    }

    // Issue 12, 24 and 26: only of this instance, and with the object's name for administrators alone.
    [Fact]
    public async Task GetInstance_DamagedLaunch_IsDataLossAndOthersAreNotConcerned()
    {
        var name = CertName.Parse((await LaunchOne()).Results.Single().Instance.Certname);
        host.Get<InstanceTable>().Drop(name);
        await File.WriteAllTextAsync(world.Data.File($"objects/launches/{name}"), "{\"payload\"");
        var refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => host.As("admin")
            .GetInstanceAsync(new() { Certname = name.ToString() }).ResponseAsync);
        Assert.Equal((Grpc.Core.StatusCode.DataLoss, "OBJECT_UNREADABLE"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.StartsWith($"the object launches/{name} is damaged", refused.Status.Detail, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => Get(name));
        Assert.DoesNotContain("launches/", refused.Status.Detail, StringComparison.Ordinal);
        await Get(serverName);
    }

    [Fact]
    public async Task Report_LeftByAKilledProcess_IsWorkedOffAtStart()
    {
        var name = await Launch();
        var file = Path.Combine(host.Options.StateDirectory, "reports", "0-left-by-a-former-process");
        await host.DisposeAsync();
        await File.WriteAllTextAsync(file, Report(name));
        await File.WriteAllTextAsync(file + ".part", "half a report");
        host = await StartHost();
        await State(name, InstanceState.Converged);
        await Eventually.True(() => Directory.GetFiles(Path.GetDirectoryName(file)!).Length == 0, "the spool is empty");
    }

    [Fact]
    public async Task OtherRoutesAndListeners_DoNotMix()
    {
        using var client = world.Ca.Client(puppetserver);
        Assert.Equal(HttpStatusCode.NotFound,
            (await client.PostAsync(Url("/overture.conductor.v1.ConductorService/ListInstances"), Body(""))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(Url("/"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(Url("/reports"))).StatusCode);
    }

    [Fact]
    public async Task Converged_FirstTime_RecordsPhasesOfTheLaunchsTraceOnce()
    {
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == FlowTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = a =>
            {
                lock (spans)
                    spans.Add(a);
            },
        };
        ActivitySource.AddActivityListener(listener);
        var launch = await LaunchOne();
        var name = CertName.Parse(launch.Results[0].Instance.Certname);
        var (csr, signed) = (TimeProvider.System.GetUtcNow().AddSeconds(1), TimeProvider.System.GetUtcNow().AddSeconds(2));
        await store.PutIfAbsent(ObjectKeys.Certificate("0a"), new CertificateRecord { Serial = "0a", SignedAt = signed.ToTimestamp() },
            default);
        await store.PutIfAbsent(ObjectKeys.Claim(name, "1"), new Claim { Claim_ = "1", Serial = "0a", CsrReceivedAt = csr.ToTimestamp() },
            default);
        await Classified(name);
        // The first run ends when its report is processed, which must not be before the signature of this made-up certificate.
        await Eventually.True(() => TimeProvider.System.GetUtcNow() > signed, "the made-up times are past");
        await Post(Report(name));
        await State(name, InstanceState.Converged);
        await Post(Report(name));
        List<Activity> Mine()
        {
            lock (spans)
                return [.. spans.Where(s => s.TraceId.ToString() == launch.TraceId)];
        }

        await Eventually.True(() => Mine().Count(s => s.OperationName == FlowTelemetry.Report) == 2, "both reports are processed");

        Assert.Equal(1, Mine().Count(s => s.OperationName == FlowTelemetry.Boot));
        Assert.Equal(1, Mine().Count(s => s.OperationName == FlowTelemetry.FirstRun));
        var root = Assert.Single(Mine(), s => s.OperationName == FlowTelemetry.Launch);
        Assert.All(Mine().Where(s => s != root), s => Assert.Equal(root.SpanId, s.ParentSpanId));
        Assert.Single(Mine(), s => s.OperationName == FlowTelemetry.ProviderStart);
        var boot = Mine().Single(s => s.OperationName == FlowTelemetry.Boot);
        Assert.Equal(csr.UtcDateTime, boot.StartTimeUtc + boot.Duration, TimeSpan.FromMilliseconds(1));
        Assert.Equal(signed.UtcDateTime, Mine().Single(s => s.OperationName == FlowTelemetry.FirstRun).StartTimeUtc,
            TimeSpan.FromMilliseconds(1));
    }
}
