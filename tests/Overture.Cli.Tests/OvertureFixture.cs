using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Cli.Tests.Fakes;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>The published binary, and three services with canned answers behind real mTLS for it to talk to.</summary>
public sealed class OvertureFixture : IAsyncLifetime, IDisposable
{
    private readonly TempDirectory links = new();
    private WebApplication? app;

    public TestPki Pki { get; } = new();
    public int ConductorPort { get; } = FreePort.Next();
    public int CertAuthorityPort { get; } = FreePort.Next();
    public int ClassifierPort { get; } = FreePort.Next();
    public FakeConductor Conductor { get; } = new();
    public FakeClassifier Classifier { get; } = new();
    public FakeCertAuthority CertAuthority { get; } = new();
    public FakeHealth Health { get; } = new();

    /// <summary>What ./test built; a test of something else would prove nothing, so there is no other place.</summary>
    public static string Binary { get; } = Environment.GetEnvironmentVariable("OVERTURE_CLI") is { Length: > 0 } named
        ? named : RepositoryPaths.File("artifacts/cli/overture");

    public async Task InitializeAsync()
    {
        if (!File.Exists(Binary))
            throw new FileNotFoundException("the tests run the published binary: dotnet publish cli -c Release -o artifacts/cli", Binary);
        await InstallHooks(links.Path);
        await File.WriteAllTextAsync(Path.Combine(Pki.Home, "cli.yaml"), Config("admin"));
        await File.WriteAllTextAsync(Path.Combine(Pki.Home, "hooks.yaml"), Config("enc"));
        app = Build();
        await app.StartAsync();
        // The first handshake compiles the server's side of it, which on a busy machine is longer than a hook waits.
        await Eventually.True(async () => (await Hook("overture-enc", [FakeClassifier.Known])).ExitCode == 0, "the fakes answer",
            TimeSpan.FromMinutes(1));
    }

    /// <summary>The hooks as docs/cli.md says: a link for the ENC, a launcher for autosign.</summary>
    public static async Task InstallHooks(string directory)
    {
        File.CreateSymbolicLink(Path.Combine(directory, "overture-enc"), Binary);
        (await Shell.Run(Binary, "hook", "install", Path.Combine(directory, "overture-autosign"))).Ok();
    }

    public string Config(string party, int? port = null) => $$"""
        conductor: localhost:{{port ?? ConductorPort}}
        certAuthority: localhost:{{port ?? CertAuthorityPort}}
        classifier: localhost:{{port ?? ClassifierPort}}
        tls: { certificate: pki/{{party}}.pem, key: pki/{{party}}.key, roots: pki/ca.pem }
        """;

    /// <summary>`overture ARGUMENTS` as the admin.</summary>
    public Task<Ran> Run(params string[] arguments) => Run(arguments, new Dictionary<string, string?>());

    public Task<Ran> Run(string[] arguments, Dictionary<string, string?> environment, string? input = null, string? directory = null) =>
        Shell.Run(Binary, arguments, new Dictionary<string, string?> { ["OVERTURE_CLI_CONFIG"] = null,
            ["OVERTURE_HOME"] = Pki.Home }.Concat(environment).GroupBy(v => v.Key).ToDictionary(v => v.Key, v => v.Last().Value),
            input, directory);

    /// <summary>A hook, by its link and with the environment puppetserver would give: next to nothing.</summary>
    public Task<Ran> Hook(string hook, string[] arguments, string? input = null, string? config = null) =>
        Shell.Run("/usr/bin/env", ["-i", $"OVERTURE_HOOKS_CONFIG={config ?? Path.Combine(Pki.Home, "hooks.yaml")}", links.File(hook),
            .. arguments], null, input, "/");

    public async Task DisposeAsync()
    {
        if (app is not null)
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }
    }

    public void Dispose()
    {
        Pki.Dispose();
        links.Dispose();
    }

    private WebApplication Build()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(Conductor).AddSingleton(Classifier).AddSingleton(CertAuthority).AddSingleton(Health);
        builder.Services.AddGrpc(grpc => grpc.Interceptors.Add<FaultInterceptor>());
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            Listen(kestrel, ConductorPort, "conductor");
            Listen(kestrel, CertAuthorityPort, "certauthority");
            Listen(kestrel, ClassifierPort, "classifier");
        });
        var built = builder.Build();
        built.MapGrpcService<FakeConductor>();
        built.MapGrpcService<FakeClassifier>();
        built.MapGrpcService<FakeCertAuthority>();
        built.MapGrpcService<FakeHealth>();
        return built;
    }

    private void Listen(KestrelServerOptions kestrel, int port, string service)
    {
        var peers = new PeerCertificates(Pki.Files(service), TimeProvider.System);
        kestrel.Listen(IPAddress.Loopback, port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ =>
                ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificateContext = peers.Current.Context,
                ClientCertificateRequired = true, EnabledSslProtocols = SslProtocols.Tls13,
                CertificateChainPolicy = peers.Current.Policy() }) });
        });
    }
}

[CollectionDefinition(Name)]
public sealed class OvertureCollection : ICollectionFixture<OvertureFixture>
{
    public const string Name = "overture";
}
