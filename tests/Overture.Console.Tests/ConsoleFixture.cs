using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Console.Tests.Fakes;
using Overture.Platform.Certificates;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>
/// The real console, and three services with canned answers behind real mTLS, which verify each delegation by the services' own code.
/// </summary>
public sealed partial class ConsoleFixture : IAsyncLifetime, IDisposable
{
    private readonly TempDirectory state = new();
    private readonly int port = FreePort.Next();
    private readonly int[] ports = [FreePort.Next(), FreePort.Next(), FreePort.Next()];
    private WebApplication services = null!, console = null!;
    private BoundProcess provider = null!;

    internal World World { get; } = new();
    public TestPki Pki { get; } = new();
    public int ConductorPort => ports[0];
    public string SessionKeys => state.File("session-keys");
    public string Url => $"https://localhost:{port}";
    public RevokedPeers Revoked { get; } = new();

    /// <summary>The subjects whom the services bar.</summary>
    public string Barred => state.File("barred");
    public string ProviderUrl { get; } = $"https://localhost:{FreePort.Next()}";

    public async Task InitializeAsync()
    {
        Pki.Issue("jo", Role.Operator, "profile=web");
        Pki.Issue("kim", Role.Admin);
        Pki.Issue("vi", Role.Viewer);
        provider = await StartProvider();
        services = BuildServices();
        // As an older installation left it: open to others.
        Directory.CreateDirectory(state.File("session-keys"));
        File.SetUnixFileMode(state.File("session-keys"), (UnixFileMode)0b111_101_101);
        await services.StartAsync();
        console = ConsoleHost.Build(Options(port) with
        {
            Views = ["Web, broken=/?condition=run-failed&profile=web"],
            OpenIdConnect = new ConsoleProviderOptions
            {
                Issuer = Provider.Issuer, ClientId = Provider.ClientId, Roots = Provider.Roots, Grants = Provider.Grants,
                ClientSecretFile = state.File("client-secret"), Title = "Example Inc.",
            },
        });
        await console.StartAsync();
    }

    /// <summary>One more console of the same site.</summary>
    /// <param name="sessionKey">The file that its replicas share.</param>
    /// <param name="provider">Whose people may come in there; null: no one's.</param>
    public async Task<OneMore> Replica(string sessionKey, IdentityProviderOptions? provider = null)
    {
        var at = FreePort.Next();
        var app = ConsoleHost.Build(Options(at) with
        {
            SessionKey = sessionKey, OpenIdConnect = provider is null ? new() : new ConsoleProviderOptions
            {
                Issuer = provider.Issuer, ClientId = provider.ClientId, Roots = provider.Roots, Grants = provider.Grants,
                Title = "Example Inc.",
            },
        });
        await app.StartAsync();
        return new(app, $"https://localhost:{at}");
    }

    private ConsoleOptions Options(int at) => new()
    {
        Listen = $"127.0.0.1:{at}", Url = $"https://localhost:{at}", StateDirectory = state.Path, Tls = Pki.Files("console"),
        Conductor = $"localhost:{ports[0]}", CertAuthority = $"localhost:{ports[1]}", Classifier = $"localhost:{ports[2]}",
        TraceUrl = "https://traces.example.com/trace/{trace}",
    };

    public async Task DisposeAsync()
    {
        foreach (var app in new[] { console, services })
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }
        await provider.DisposeAsync();
    }

    private IdentityProviderOptions Provider => new()
    {
        Issuer = ProviderUrl, ClientId = TestIssuer.Client, Roots = Pki.Files("console").Roots,
        Grants = new Dictionary<string, GroupGrant>
        {
            ["admins"] = new() { Group = "admins", Role = "admin" },
            ["everyone"] = new() { Group = "everyone", Role = "viewer" },
            ["web"] = new() { Group = "web", Role = "operator", Scope = ["profile=web"] },
        },
    };

    private async Task<BoundProcess> StartProvider()
    {
        await File.WriteAllTextAsync(Barred, "");
        await File.WriteAllTextAsync(state.File("client-secret"), "a-secret-of-tests\n");
        var files = Pki.Files("conductor");
        var process = new BoundProcess(state.File("provider.log"), "node",
        [
            RepositoryPaths.File("tests/Overture.Console.Tests/Fakes/provider.mjs"), RepositoryPaths.File("artifacts/npm/node_modules"),
            $"{new Uri(ProviderUrl).Port}", files.Certificate, files.Key, Url, "900",
        ]);
        await Eventually.True(() => process.HasExited
            || (File.Exists(process.Log) && File.ReadAllText(process.Log).Contains("listening", StringComparison.Ordinal)),
            "the provider listens", TimeSpan.FromMinutes(1));
        return process.HasExited ? throw new InvalidOperationException(await File.ReadAllTextAsync(process.Log)) : process;
    }

    public void Dispose()
    {
        Pki.Dispose();
        state.Dispose();
    }

    /// <summary>A client that keeps cookies, as a browser does, and is not signed in.</summary>
    public HttpClient Client(string? url = null) => new(new SocketsHttpHandler
    {
        UseProxy = false, AllowAutoRedirect = false, CookieContainer = new CookieContainer(),
        SslOptions = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = TrustPolicy.Of([X509CertificateLoader.LoadCertificateFromFile(Pki.Files("console").Roots)]),
        },
    })
    { BaseAddress = new Uri(url ?? Url) };

    /// <summary>The one-time link that `overture ui` would get.</summary>
    public async Task<string> Link(string person, TimeSpan? life = null, string? at = null)
    {
        using var client = Client(at);
        var delegation = TestDelegation.Of(Pki, person, TimeProvider.System.GetUtcNow() + (life ?? TimeSpan.FromHours(1)));
        using var answer = await Bring(client, delegation.ToByteArray());
        answer.EnsureSuccessStatusCode();
        using var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        return document.RootElement.GetProperty("link").GetString()!;
    }

    public static async Task<HttpResponseMessage> Bring(HttpClient client, byte[] delegation)
    {
        using var body = new ByteArrayContent(delegation);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        return await client.PostAsync("/session", body);
    }

    public async Task<HttpClient> SignedIn(string person, TimeSpan? life = null)
    {
        var client = Client();
        using var entered = await Enter(client, await Link(person, life));
        entered.EnsureSuccessStatusCode();
        return client;
    }

    /// <summary>Opens the link and presses its button, as a browser without scripts.</summary>
    public static async Task<HttpResponseMessage> Enter(HttpClient client, string link)
    {
        var asked = await client.GetAsync(link);
        if (!asked.IsSuccessStatusCode)
            return asked;
        using (asked)
        {
            var fields = Hidden().Matches(await asked.Content.ReadAsStringAsync())
                .Select(f => KeyValuePair.Create(f.Groups[1].Value, WebUtility.HtmlDecode(f.Groups[2].Value)));
            using var form = new FormUrlEncodedContent(fields);
            return await client.PostAsync(link, form);
        }
    }

    [GeneratedRegex("<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"")]
    private static partial Regex Hidden();

    private WebApplication BuildServices()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var peers = new PeerCertificates(Pki.Files("conductor"), TimeProvider.System);
        builder.Services.AddSingleton(World).AddSingleton(peers).AddSingleton(Revoked).AddSingleton(TimeProvider.System)
            .AddConsoleCallers(Provider with { Barred = Barred });
        builder.Services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<FaultInterceptor>();
            grpc.Interceptors.Add<Delegated>();
        });
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            foreach (var (service, at) in new[] { "conductor", "certauthority", "classifier" }.Zip(ports))
                Listen(kestrel, at, service);
        });
        var app = builder.Build();
        app.MapGrpcService<FakeConductor>();
        app.MapGrpcService<FakeCertAuthority>();
        app.MapGrpcService<FakeClassifier>();
        app.MapGrpcService<FakeHealth>();
        return app;
    }

    private void Listen(KestrelServerOptions kestrel, int at, string service)
    {
        var peers = new PeerCertificates(Pki.Files(service), TimeProvider.System);
        kestrel.Listen(IPAddress.Loopback, at, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = peers.Current.Context, ClientCertificateRequired = true,
                    EnabledSslProtocols = SslProtocols.Tls13, CertificateChainPolicy = peers.Current.Policy(),
                }),
            });
        });
    }

    // As RoleInterceptor does, without stores behind it.
    private sealed class Delegated(ConsoleCallers callers) : Interceptor
    {
        public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context,
            UnaryServerMethod<TRequest, TResponse> continuation)
        {
            await Take(context);
            return await continuation(request, context);
        }

        public override async Task ServerStreamingServerHandler<TRequest, TResponse>(TRequest request,
            IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
            ServerStreamingServerMethod<TRequest, TResponse> continuation)
        {
            await Take(context);
            await continuation(request, responseStream, context);
        }

        private async Task Take(ServerCallContext context)
        {
            var http = context.GetHttpContext();
            if (context.RequestHeaders.GetValueBytes(DelegationStatement.Header) is { } bytes)
                http.Features.Set(await callers.Of(http.Connection.ClientCertificate!, bytes, context.CancellationToken));
            else if (!context.Method.Contains("Health", StringComparison.Ordinal))
                throw new FaultException(FaultKind.Denied, Reason.RoleMissing, "a console may call nothing by itself");
        }
    }
}

[CollectionDefinition(Name)]
public sealed class ConsoleCollection : ICollectionFixture<ConsoleFixture>
{
    public const string Name = "console";
}

/// <summary>A further console, started.</summary>
public sealed record OneMore(WebApplication App, string Url) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
    }
}
