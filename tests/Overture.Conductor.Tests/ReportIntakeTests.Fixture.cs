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

// The host under test, and what is posted to it.
public sealed partial class ReportIntakeTests
{
    private Task<ConductorHost> StartHost() =>
        ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store, Clock = clock }, o => o with
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

    private async Task<HttpStatusCode> Post(string report, X509Certificate2? certificate = null, string path = "/reports",
        bool chunked = false)
    {
        using var client = world.Ca.Client(certificate ?? puppetserver);
        using var request = new HttpRequestMessage(HttpMethod.Post, Url(path)) { Content = Body(report) };
        request.Headers.TransferEncodingChunked = chunked;
        using var answer = await client.SendAsync(request);
        return answer.StatusCode;
    }

    private static string Report(CertName name) =>
        ReportReaderTests.Good.Replace("0f8fad5b-d9cb-469f-a165-70867728950e", name.ToString(), StringComparison.Ordinal);

    private Task<LaunchInstancesResponse> LaunchOne() =>
        host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() }).ResponseAsync;

    /// <summary>Launched, certified and classified, according to the store.</summary>
    private async Task<CertName> Launch()
    {
        var name = await Certified();
        await Classified(name);
        return name;
    }

    private async Task<CertName> Certified()
    {
        var name = CertName.Parse((await LaunchOne()).Results.Single().Instance.Certname);
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        await store.PutIfAbsent(ObjectKeys.Certificate($"0a{name.ToString()[..8]}"), new CertificateRecord { SignedAt = now }, default);
        await store.PutIfAbsent(ObjectKeys.Claim(name, "1"),
            new Claim { Claim_ = "1", Serial = $"0a{name.ToString()[..8]}", CsrReceivedAt = now }, default);
        return name;
    }

    private Task Classified(CertName name) =>
        store.PutIfAbsent(ObjectKeys.History(name, "01"),
            new NodeHistory { Kind = "served", At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);

    private async Task<Instance> Get(CertName name) =>
        (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance;

    private Task State(CertName name, InstanceState state) =>
        Eventually.True(async () => (await Get(name)).State == state, $"{name} is {state}");
}
