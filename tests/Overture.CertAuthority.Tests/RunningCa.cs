using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform;
using Overture.Records.V1;

namespace Overture.CertAuthority.Tests;

/// <summary>CertAuthority's options, and what a test replaces: the store (to make it fail), the clock (to move it).</summary>
public sealed record TestCaOptions : CertAuthorityOptions
{
    public ObjectStore? Store { get; init; }
    public TimeProvider? Clock { get; init; }
    /// <summary>Do not wait for the registry: there is none.</summary>
    public bool Deaf { get; init; }
    public CapturedLog Log { get; } = new();
    public LogLevel LogLevel { get; init; } = LogLevel.Information;
}

/// <summary>A CertAuthority of this process: real Kestrel, real TLS, real Redis, real files.</summary>
public sealed class RunningCa : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly GrpcChannel admin;
    private int disposed;

    private RunningCa(CaFixture house, TestCaOptions options, WebApplication app)
    {
        this.app = app;
        House = house;
        Options = options;
        admin = house.Pki.Channel(PortOf(options.Listen), "admin");
        Admin = new CertAuthorityService.CertAuthorityServiceClient(admin);
        Agent = AgentClient();
    }

    public CaFixture House { get; }
    public TestCaOptions Options { get; }
    public HttpClient Agent { get; }
    public CertAuthorityService.CertAuthorityServiceClient Admin { get; }
    public IServiceProvider Services => app.Services;
    public int ApiPort => PortOf(Options.PuppetApi.Listen);
    public int GrpcPort => PortOf(Options.Listen);
    public string AccessLog => File.Exists(Options.PuppetApi.AccessLog) ? File.ReadAllText(Options.PuppetApi.AccessLog) : "";

    public static async Task<RunningCa> Start(CaFixture house, TestCaOptions options)
    {
        var app = ServiceHost.Build<TestCaModule, TestCaOptions>(options);
        await app.StartAsync();
        var running = new RunningCa(house, options, app);
        if (!options.Deaf)
        {
            await TestSupport.Eventually.True(
                () => app.Services.GetRequiredService<RegistryConnection>().Healthy, "the registry is connected");
        }
        return running;
    }

    /// <summary>An agent's client: trusts the Puppet CA alone, and shows a certificate if it has one.</summary>
    /// <param name="own">With its private key.</param>
    /// <param name="chain">What is sent with it; the CA's own chain where nothing is given.</param>
    /// <param name="from">Another address of loopback than 127.0.0.1.</param>
    public HttpClient AgentClient(
        X509Certificate2? own = null, X509Certificate2Collection? chain = null, System.Net.IPAddress? from = null) =>
        AgentClient(Path.Combine(Options.CaDirectory, Cli.Pki.PuppetCaInit.Bundle), ApiPort, own, chain, from);

    public static HttpClient AgentClient(
        string bundle, int port, X509Certificate2? own = null, X509Certificate2Collection? chain = null, System.Net.IPAddress? from = null)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(bundle);
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(roots[^1]);
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                CertificateChainPolicy = policy,
                ClientCertificateContext = own is null ? null : SslStreamCertificateContext.Create(own, chain ?? roots, offline: true),
            },
        };
        if (from is not null)
        {
            handler.ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new System.Net.IPEndPoint(from, 0));
                await socket.ConnectAsync(System.Net.IPAddress.Loopback, port, cancel);
                return new NetworkStream(socket, ownsSocket: true);
            };
        }
        return new HttpClient(handler) { BaseAddress = new Uri($"https://localhost:{port}/puppet-ca/v1/") };
    }

    public Task<HttpResponseMessage> Put(string name, string body) =>
        Agent.PutAsync(new Uri($"certificate_request/{name}", UriKind.Relative), new StringContent(body, Encoding.ASCII, "text/plain"));

    public Task<HttpResponseMessage> Put(Launched instance, AsymmetricAlgorithm key) =>
        Put(instance.Name.ToString(), instance.Csr(key).Pem());

    public Task<HttpResponseMessage> Get(string path) => Agent.GetAsync(new Uri(path, UriKind.Relative));

    /// <summary>The certificate as an agent gets it; null: 404.</summary>
    public async Task<string?> Certificate(CertName name)
    {
        using var answer = await Get($"certificate/{name}");
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync() : null;
    }

    /// <summary>Every audit record of this replica so far, when it holds one that is looked for.</summary>
    public Task<AuditRecord> Audited(string certname, string reason) => TestSupport.Eventually.Get(async () =>
        (await AuditRecords()).FirstOrDefault(r => r.Certname == certname && r.Decision?.Reason == reason),
            $"an audit record {reason} of {certname}");

    public async Task<IReadOnlyList<AuditRecord>> AuditRecords() =>
        [.. (await House.All<AuditBatch>(ObjectKeys.AuditOf("certauthority", Options.Replica))).SelectMany(b => b.Records)
            .Select(RecordJson.Read<AuditRecord>)];

    public Task<IReadOnlyList<TimelineEvent>> Timeline(CertName name) => Services.GetRequiredService<Timeline>().Read(name);

    /// <summary>Also more than once: some tests want the house without its own.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 1)
            return;
        Agent.Dispose();
        admin.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private static int PortOf(string endpoint) => System.Net.IPEndPoint.Parse(endpoint).Port;
}

/// <summary>The service's own parts, with the replacements of <see cref="TestCaOptions"/>.</summary>
public sealed class TestCaModule : IServiceModule<TestCaOptions>
{
    public static string Name => CertAuthorityModule.Name;

    public static Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus WithWrongClock => CertAuthorityModule.WithWrongClock;
    public static IReadOnlyList<Google.Protobuf.Reflection.ServiceDescriptor> Services => CertAuthorityModule.Services;

    public static void Add(WebApplicationBuilder builder, TestCaOptions options)
    {
        CertAuthorityModule.Add(builder, options);
        if (options.Store is not null)
            builder.Services.AddSingleton(options.Store);
        if (options.Clock is not null)
            builder.Services.AddSingleton(options.Clock);
        builder.Logging.ClearProviders().SetMinimumLevel(options.LogLevel).AddProvider(options.Log);
    }

    public static void Listen(KestrelServerOptions kestrel, TestCaOptions options) => CertAuthorityModule.Listen(kestrel, options);

    public static void Map(WebApplication app) => CertAuthorityModule.Map(app);
}

/// <summary>Every log line, for tests that look for what must not be there.</summary>
public sealed class CapturedLog : ILoggerProvider, ILogger
{
    public ConcurrentQueue<string> Lines { get; } = [];

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue($"{logLevel} {eventId.Name}: {formatter(state, exception)} {exception}");

    public void Dispose()
    {
    }
}
