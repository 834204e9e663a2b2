using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A Conductor that takes first-boot reports, with a certificate of a Puppet CA.</summary>
internal sealed class FirstBootWorld : IAsyncDisposable
{
    private readonly ConductorFixture fixture = new();
    private readonly int port = FreePort.Next(), reports = FreePort.Next();
    private PuppetCaStandIn ca = null!;

    public ConductorHost Host { get; private set; } = null!;
    public FaultyStore Store { get; private set; } = null!;
    public FakeProvider Provider { get; } = new();

    /// <summary>Of a registry; null: it is away.</summary>
    public string? Redis { get; init; }
    public LoggedLines<InstanceRemains>? RemainsLog { get; init; }

    public async Task Start()
    {
        Store = new FaultyStore(fixture.OpenStore());
        ca = await PuppetCaStandIn.Start(fixture.Ca);
        await StartHost();
    }

    public async Task Restart()
    {
        await Host.DisposeAsync();
        await StartHost();
    }

    /// <summary>A host's user data, with an agent that finds nothing where its CA should be.</summary>
    public async Task<RegisterInstanceResponse> Registration(Action<LaunchSpec>? change = null) =>
        await Host.As("admin").RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec(change) });

    public async Task<CertName> Register() => CertName.Parse((await Registration()).Instance.Certname);

    public string TokenOf(CertName name) =>
        Host.Get<LaunchKeys>().ReportToken(Host.Get<InstanceTable>().Rows.Find(name)!.Records().Launch.RequestId, name);

    /// <summary>A Conductor of the same deployment that takes no reports.</summary>
    public Task<ConductorHost> Another() =>
        ConductorHost.Start(fixture, new() { Provider = Provider, Store = Store, Redis = Redis }, replica: "2");

    /// <summary>Its agent logs an error.</summary>
    public async Task Say(CertName name, string text)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        var body = JsonSerializer.Serialize(new { time = now, said = new[] { new { at = now - 1, level = "err", text } } });
        Assert.Equal(HttpStatusCode.NoContent, await Post(name, TokenOf(name), body));
    }

    /// <param name="name">For whom.</param>
    /// <param name="token">Shown; null: no header.</param>
    /// <param name="body">JSON.</param>
    public async Task<HttpStatusCode> Post(CertName name, string? token, string body)
    {
        using var client = fixture.Ca.Client(null);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://localhost:{port}/first-boot/v1/{name}")
        {
            Content = new StringContent(body, Encoding.UTF8),
        };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await client.SendAsync(request);
        return answer.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await ca.DisposeAsync();
        fixture.Dispose();
    }

    private async Task StartHost()
    {
        Host = await ConductorHost.Start(fixture, new() { Provider = Provider, Store = Store, Redis = Redis, RemainsLog = RemainsLog }, o => o with
        {
            Reports = new ReportOptions { Listen = $"127.0.0.1:{reports}", CaPort = ca.Port },
            FirstBoot = new FirstBootOptions { Listen = $"127.0.0.1:{port}" },
        });
        await Eventually.True(() => Host.Get<PuppetHostCertificate>().Current is not null, "the listener has its certificate");
    }
}
