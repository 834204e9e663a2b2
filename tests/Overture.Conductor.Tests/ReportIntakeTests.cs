using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Reports;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Reports over real TLS, with certificates of a Puppet CA; the listener got its own by registering itself.</summary>
public sealed class ReportIntakeTests : IAsyncLifetime
{
    private readonly World world = new();
    private readonly int reports = FreePort.Next();
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
        var registered = await host.As("admin").RegisterInstanceAsync(new() { Spec = World.Spec(s => s.Role = "puppetserver") });
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
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 12, 0, 0, 123, TimeSpan.Zero), fact.RunStartedAt.ToDateTimeOffset(), TimeSpan.FromMilliseconds(1));
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

    [Fact]
    public async Task Post_FailedThenGood_TroubleIsShownAndCleared()
    {
        var name = await Launch();
        var failed = Report(name).Replace("status: changed\n", "status: failed\n", StringComparison.Ordinal)
            .Replace("level: notice\n  message: 'Applied catalog in 0.02 seconds'", "level: err\n  message: 'Could not find class login_allowed'", StringComparison.Ordinal);
        await Post(failed);
        await Eventually.True(async () => (await Get(name)).Trouble == InstanceTrouble.RunFailed, "the failed run shows");
        Assert.Contains("Could not find class login_allowed", (await Get(name)).TroubleDetail, StringComparison.Ordinal);
        Assert.NotNull(await store.Get(ObjectKeys.Fact(name, "run-failed-2f8a5b1c-1111-4222-8333-444455556666"), default));
        await Post(Report(name));
        await State(name, InstanceState.Converged);
        Assert.Equal(InstanceTrouble.Unspecified, (await Get(name)).Trouble);
    }

    [Theory]
    [InlineData("noop: false", "noop: true", InstanceTrouble.Unspecified)]
    [InlineData("cached_catalog_status: not_used", "cached_catalog_status: explicitly_requested", InstanceTrouble.Unspecified)]
    [InlineData("cached_catalog_status: not_used", "cached_catalog_status: on_failure", InstanceTrouble.RunFailed)]
    [InlineData("environment: production", "environment: staging", InstanceTrouble.RunFailed)]
    [InlineData("transaction_completed: true", "transaction_completed: false", InstanceTrouble.RunFailed)]
    public async Task Post_RunThatProvesNothing_IsNotConverged(string was, string becomes, InstanceTrouble trouble)
    {
        var (name, marker) = (await Launch(), await Launch());
        await Post(Report(name).Replace(was, becomes, StringComparison.Ordinal));
        // Reports are worked off in order: once this one is through, so is the one before.
        await Post(Report(marker));
        await State(marker, InstanceState.Converged);
        var instance = await Get(name);
        Assert.Equal((InstanceState.Classified, trouble), (instance.State, instance.Trouble));
    }

    [Fact]
    public async Task Post_FailedRunsForEver_LeaveAtMostTenFacts()
    {
        var (name, marker) = (await Launch(), await Launch());
        for (var i = 0; i < 15; i++)
            await Post(Report(name).Replace("status: changed\n", "status: failed\n", StringComparison.Ordinal).Replace("444455556666", $"4444555566{i:D2}", StringComparison.Ordinal));
        await Post(Report(marker));
        await State(marker, InstanceState.Converged);
        var evidence = (await host.Get<EvidenceReader>().Read(name, default))!;
        Assert.Equal(10, evidence.FailedRuns.Count());
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
        await store.PutIfAbsent(ObjectKeys.Revocation(puppetserver.SerialNumber.ToLowerInvariant()), new Revocation { Schema = 1 }, default);
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(name)));
        await store.Delete(ObjectKeys.Revocation(puppetserver.SerialNumber.ToLowerInvariant()), default);
        await store.PutIfAbsent(ObjectKeys.Block(serverName, "b"), new Block { Schema = 1 }, default);
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(name)));
        await store.Delete(ObjectKeys.Block(serverName, "b"), default);
        Assert.Equal(HttpStatusCode.Accepted, await Post(Report(name)));
        await host.Get<FactLog>().Write(serverName, new InstanceFact { Event = FactLog.Terminating }, default);
        Assert.Equal(HttpStatusCode.Forbidden, await Post(Report(name)));
    }

    [Fact]
    public async Task Post_RoleForgedInTheBucket_IsForbidden()
    {
        // A writer of the bucket who owns a node's certificate makes himself a puppetserver, signed with a key of his own.
        var name = await Launch();
        using var node = world.Ca.Issue(name.ToString());
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var record = (await host.Get<EvidenceReader>().Read(name, default))!.Launch.Clone();
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
        foreach (var body in new[] { "", "garbage", "a: &a [*a, *a]\nhost: *a\n", string.Concat(Enumerable.Repeat("[", 50_000)), Report(TestIds.New().CertName()), "host: ../../etc\nstatus: changed\n", "\0\u0001" })
            Assert.Equal(HttpStatusCode.Accepted, await Post(body));
        var name = await Launch();
        await Post(Report(name));
        await State(name, InstanceState.Converged);
        await Eventually.True(() => Directory.GetFiles(Path.Combine(host.Options.StateDirectory, "reports")).Length == 0, "the spool is empty");
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
        await Eventually.True(() => Directory.GetFiles(Path.Combine(host.Options.StateDirectory, "reports")).Length == 0, "the spool is empty");
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
        Assert.Equal(HttpStatusCode.NotFound, (await client.PostAsync(Url("/overture.conductor.v1.ConductorService/ListInstances"), Body(""))).StatusCode);
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
        await store.PutIfAbsent(ObjectKeys.Certificate("0a"), new CertificateRecord { Serial = "0a", SignedAt = signed.ToTimestamp() }, default);
        await store.PutIfAbsent(ObjectKeys.Claim(name, "1"), new Claim { Claim_ = "1", Serial = "0a", CsrReceivedAt = csr.ToTimestamp() }, default);
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
        Assert.Equal(signed.UtcDateTime, Mine().Single(s => s.OperationName == FlowTelemetry.FirstRun).StartTimeUtc, TimeSpan.FromMilliseconds(1));
    }

    private Task<ConductorHost> StartHost() => ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store }, o => o with
    {
        Reports = new ReportOptions { Listen = $"127.0.0.1:{reports}", CaPort = ca.Port, MaxBytes = 128 * 1024 },
    });

    private string Url(string path) => $"https://localhost:{reports}{path}";

    private static StringContent Body(string text)
    {
        var body = new StringContent(text, Encoding.UTF8);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/x-yaml");
        return body;
    }

    private async Task<HttpStatusCode> Post(string report, X509Certificate2? certificate = null, string path = "/reports", bool chunked = false)
    {
        using var client = world.Ca.Client(certificate ?? puppetserver);
        using var request = new HttpRequestMessage(HttpMethod.Post, Url(path)) { Content = Body(report) };
        request.Headers.TransferEncodingChunked = chunked;
        using var answer = await client.SendAsync(request);
        return answer.StatusCode;
    }

    private static string Report(CertName name) => ReportReaderTests.Good.Replace("0f8fad5b-d9cb-469f-a165-70867728950e", name.ToString(), StringComparison.Ordinal);

    private Task<LaunchInstancesResponse> LaunchOne() => host.As("admin").LaunchInstancesAsync(new() { Spec = World.Spec() }).ResponseAsync;

    /// <summary>Launched, certified and classified, as far as the store tells.</summary>
    private async Task<CertName> Launch()
    {
        var name = CertName.Parse((await LaunchOne()).Results.Single().Instance.Certname);
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        await store.PutIfAbsent(ObjectKeys.Certificate($"0a{name.ToString()[..8]}"), new CertificateRecord { SignedAt = now }, default);
        await store.PutIfAbsent(ObjectKeys.Claim(name, "1"), new Claim { Claim_ = "1", Serial = $"0a{name.ToString()[..8]}", CsrReceivedAt = now }, default);
        await Classified(name);
        return name;
    }

    private Task Classified(CertName name) =>
        store.PutIfAbsent(ObjectKeys.History(name, "01"), new NodeHistory { Kind = "served", At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);

    private async Task<Instance> Get(CertName name) => (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;

    private Task State(CertName name, InstanceState state) => Eventually.True(async () => (await Get(name)).State == state, $"{name} is {state}");
}
