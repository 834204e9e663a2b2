using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Overture.Classifier.Puppetserver;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>Saves that are to be compared with a puppetserver which fails: refused, and nothing is written.</summary>
[Trait("Category", "integration")]
public sealed class CheckFaultTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(60);
    private readonly TestPuppetCa ca = new();
    private readonly TempDirectory files = new();
    private readonly CertName node = TestIds.New().CertName();
    private PuppetserverStandIn server = null!;

    [Theory]
    [InlineData("environments", 500, "oops", "it answers 500 to GET /puppet/v3/environments (oops)")]
    [InlineData("environment_classes", 500, "", "it answers 500 to GET /puppet/v3/environment_classes?environment=production")]
    [InlineData("environment_classes", 403, "Forbidden request",
        "(Forbidden request); its auth.conf must allow this Classifier (class_readers of overture::puppetserver)")]
    [InlineData("environment_classes", 404, "Could not find environment 'production'", "it answers 404")]
    [InlineData("environment_classes", 302, "", "it answers 302")]
    [InlineData("environment_classes", 304, "", "it answers 304")]
    [InlineData("environments", 200, "<html>", "it does not follow Puppet's API")]
    [InlineData("environment_classes", 200, "{\"files\":[{}]}", "it does not follow Puppet's API")]
    [InlineData("environments", 0, "", "no answer within 1 s")]
    [InlineData("environment_classes", 0, "", "no answer within 1 s")]
    public async Task Save_PuppetserverFails_IsUnavailableAndNothingIsWritten(string path, int status, string body, string cause)
    {
        // Only what never answers is waited for.
        await using var host = await Start(o => status == 0 ? o : o with { Timeout = Patience });
        server.Instead = p => p == $"/puppet/v3/{path}" ? (status, body) : null;
        var watch = Stopwatch.StartNew();
        await Refused(host, cause);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, Patience);

        // Without the comparison it is not asked.
        var asked = server.Asked.Count;
        await host.As("operator").PutNodeAsync(Node(check: false));
        await host.Classify(node);
        Assert.Equal(asked, server.Asked.Count);
    }

    [Fact]
    public async Task Save_PuppetserverGoneOrMuteOrOfAnotherCa_IsUnavailable()
    {
        await using (var host = await Start(o => o with { Url = $"https://localhost:{FreePort.Next()}" }))
            await Refused(host, "Connection refused");
        using (var other = new TestPuppetCa())
        {
            await using var host = await Start(o => o with { Roots = other.BundleFile });
            await Refused(host, "TLS: ");
        }
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        await using (var host = await Start(o => o with { Url = $"https://localhost:{((IPEndPoint)mute.LocalEndpoint).Port}" }))
            await Refused(host, "no answer within 1 s");
    }

    [Fact]
    public async Task Save_AskedOfAClassifierWithoutPuppetserver_IsRefused()
    {
        await using var host = await ClassifierHost.Start();
        await Refused(host, "this Classifier has no puppetserver; set puppetserver.url", StatusCode.FailedPrecondition);
    }

    [Fact]
    public async Task Save_Always_IsComparedUnasked()
    {
        await using var host = await Start(o => o with { Check = "always" });
        var refused = await Assert.ThrowsAsync<RpcException>(() => host.As("operator").PutNodeAsync(Node(check: false, "classes: [npt]\n"))
            .ResponseAsync);
        Assert.Equal((StatusCode.InvalidArgument, "PUPPET_CODE_MISSING"), (refused.StatusCode, RpcDetails.Reason(refused)));
        var layers = await Assert.ThrowsAsync<RpcException>(() => host.As("operator")
            .PutLayersAsync(new() { Document = "groups: [{name: a, classes: [npt]}]\n", ValidateOnly = true }).ResponseAsync);
        Assert.Equal("groups.a.classes.npt", Assert.Single(RpcDetails.Of(layers).Unpack<Google.Rpc.BadRequest>()!.FieldViolations).Field);
        await host.As("operator").PutNodeAsync(Node(check: false));
        await host.Classify(node);
    }

    [Fact]
    public async Task Save_ManyMistakes_TellsTwentyAndThatThereAreMore()
    {
        await using var host = await Start();
        var refused = await Assert.ThrowsAsync<RpcException>(() => host.As("operator")
            .PutNodeAsync(Node(check: true, $"classes: [{string.Join(", ", Enumerable.Range(0, 300).Select(i => $"missing_{i}"))}]\n"))
            .ResponseAsync);
        Assert.Equal(20, RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Count);
        Assert.EndsWith("; and more than these 20", refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Save_Again_AsksByTheETagAsItCameAndBelievesItsAnswerOnly()
    {
        await using var host = await Start(o => o with { Timeout = Patience });
        server.ETag = "f224d0ca";
        await host.As("operator").PutNodeAsync(Node(check: true));
        var second = await Assert.ThrowsAsync<RpcException>(() => host.As("operator").PutNodeAsync(Node(check: true, "classes: [npt]\n"))
            .ResponseAsync);
        Assert.Equal("PUPPET_CODE_MISSING", RpcDetails.Reason(second));
        Assert.Equal(["", "f224d0ca"], Tags());

        // New code, new tag: what was kept is not believed.
        server.ETag = "0aadd955";
        server.Instead = p =>
            p == "/puppet/v3/environment_classes" ? (200, PuppetserverStandIn.Classes.Replace("ntp", "npt", StringComparison.Ordinal))
                : null;
        await Assert.ThrowsAsync<RpcException>(() => host.As("operator").PutNodeAsync(Node(check: true)).ResponseAsync);
        server.Instead = _ => null;
        Assert.Equal(["", "f224d0ca", "f224d0ca"], Tags());
        Assert.All(server.Asked, a => Assert.EndsWith(" classifier-1", a, StringComparison.Ordinal));

        List<string> Tags() =>
            [.. server.Asked.Where(a => a.Contains("environment_classes?environment=production", StringComparison.Ordinal))
                .Select(a => a.Split(' ')[1])];
    }

    [Theory]
    [InlineData("", "", "asked", false, 10, "")]
    [InlineData("https://puppet:8140", "", "asked", true, 10, "")]
    [InlineData("https://puppet:8140", "", "always", false, 10, "puppetserver.certificate")]
    [InlineData("", "", "always", true, 10, "puppetserver.url")]
    [InlineData("", "", "never", true, 10, "puppetserver.check")]
    [InlineData("https://puppet:8140/puppet", "", "asked", true, 31, "puppetserver.url puppetserver.timeout")]
    [InlineData("", "/some.key", "asked", true, 0, "puppetserver.url puppetserver.timeout")]
    public void Options_SomeOfIt_IsToldByField(string url, string key, string check, bool terminus, int seconds, string fields) =>
        Assert.Equal(fields,
        string.Join(' ', new ClassifierOptions
        {
            Puppetserver = new() { Url = url, Key = key, Check = check, Timeout = TimeSpan.FromSeconds(seconds) },
            Terminus = new() { Listen = terminus ? "127.0.0.1:8143" : "" },
        }.Problems().Select(p => p.Field).Where(f => f.StartsWith("puppetserver.", StringComparison.Ordinal))));

    public async Task InitializeAsync()
    {
        using var own = ca.Issue("classifier-1");
        await File.WriteAllTextAsync(files.File("own.pem"), own.ExportCertificatePem());
        await File.WriteAllTextAsync(files.File("own.key"), own.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        server = await PuppetserverStandIn.Start(ca);
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    public void Dispose()
    {
        files.Dispose();
        ca.Dispose();
    }

    private Task<ClassifierHost> Start(Func<PuppetserverOptions, PuppetserverOptions>? change = null)
    {
        var options = new PuppetserverOptions { Url = server.Url, Certificate = files.File("own.pem"), Key = files.File("own.key"),
            Roots = ca.BundleFile, Timeout = Limit };
        return ClassifierHost.Start(o => o with { Puppetserver = change is null ? options : change(options) });
    }

    private PutNodeRequest Node(bool check, string definition = "classes: {ntp: {servers: [a]}}\n") =>
        new() { Certname = node.ToString(), Definition = definition, Reason = "a test", CheckPuppetserver = check,
            AllowUnregistered = true };

    // Node, layers, and what is stored: none is compared, nothing is written.
    private async Task Refused(ClassifierHost host, string cause, StatusCode code = StatusCode.Unavailable)
    {
        var standing = TestIds.New().CertName();
        await host.Edit(ObjectKeys.Node(standing), "classes: [ntp]\n");
        foreach (var call in new Func<Task>[]
        {
            () => host.As("operator").PutNodeAsync(Node(check: true)).ResponseAsync,
            () => host.As("operator")
                .PutLayersAsync(new() { Document = "defaults: {classes: [ntp]}\n", Reason = "a test", CheckPuppetserver = true })
                .ResponseAsync,
            () => host.As("viewer").CheckNodeAsync(new() { Certname = standing.ToString() }).ResponseAsync,
        })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal((code, "PUPPETSERVER_UNAVAILABLE"), (refused.StatusCode, RpcDetails.Reason(refused)));
            Assert.Contains(cause, refused.Status.Detail, StringComparison.Ordinal);
        }
        Assert.Null(await host.Store.Get(ObjectKeys.Node(node), default));
        Assert.Null(await host.Store.Get(ObjectKeys.Layers, default));
        await foreach (var key in host.Store.List(ObjectKeys.HistoryOf(node), null, default))
            Assert.Fail(key);
    }
}
