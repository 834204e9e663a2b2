using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform;
using Overture.Platform.Objects;
using Overture.Platform.Registry;
using Grpc.Health.V1;
using Overture.TestSupport;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Overture.Conductor.Tests;

/// <summary>A real Conductor in this process, with what a test puts in place of a part. Kestrel, mTLS, roles and stores are real.</summary>
internal sealed class ConductorHost : IAsyncDisposable
{
    private readonly RunningService service;
    private readonly List<GrpcChannel> channels = [];
    private readonly ConductorFixture world;
    private readonly int port;

    private ConductorHost(ConductorFixture world, RunningService service, int port) =>
        (this.world, this.service, this.port) = (world, service, port);

    public IServiceProvider Services => service.App.Services;
    public ConductorOptions Options => Get<ConductorOptions>();
    public int Port => port;

    public T Get<T>() where T : notnull => Services.GetRequiredService<T>();

    public ConductorService.ConductorServiceClient As(string party)
    {
        var channel = world.Pki.Channel(port, party);
        channels.Add(channel);
        return new ConductorService.ConductorServiceClient(channel);
    }

    public static async Task<ConductorHost> Start(ConductorFixture world, Replace? replace = null,
        Func<ConductorOptions, ConductorOptions>? options = null, string replica = "1")
    {
        var port = FreePort.Next();
        var basic = new ConductorOptions
        {
            Bucket = world.Bucket,
            Listen = $"127.0.0.1:{port}",
            StateDirectory = world.Data.File($"state-{replica}"),
            Replica = replica,
            Tls = world.Pki.Files("conductor"),
            // Nothing listens on port 9 of loopback: the registry is away.
            Registry = new RegistryOptions { Endpoint = replace?.Redis ?? "127.0.0.1:9" },
            Launch = new LaunchOptions { SigningKey = world.Pki.LaunchSigningKey, TokenKey = world.Pki.LaunchTokenKey,
                CaBundle = world.Ca.BundleFile },
            Reports = new ReportOptions { Listen = "" },
        };
        var wanted = options?.Invoke(basic) ?? basic;
        Parts.Replacements[wanted.StateDirectory] = replace ?? new Replace();
        return new ConductorHost(world, await RunningService.Start<Parts, ConductorOptions>(wanted), port);
    }

    public async ValueTask DisposeAsync()
    {
        channels.ForEach(c => c.Dispose());
        await service.DisposeAsync();
    }

    /// <summary>Replacements for parts.</summary>
    public sealed record Replace
    {
        public string? Redis { get; init; }
        public IProvider? Provider { get; init; }
        public ObjectStore? Store { get; init; }
        public TimeProvider? Clock { get; init; }
        public LoggedLines<Launch.ProfileStore>? ProfileLog { get; init; }
        public LoggedLines<Reconcile.Reconciler>? ReconcileLog { get; init; }
        public LoggedLines<Launch.InstanceRemains>? RemainsLog { get; init; }
    }

    private sealed class Parts : IServiceModule<ConductorOptions>
    {
        public static readonly ConcurrentDictionary<string, Replace> Replacements = new();

        public static string Name => ConductorModule.Name;
        public static IReadOnlyList<ServiceDescriptor> Services => ConductorModule.Services;

        public static void Add(WebApplicationBuilder builder, ConductorOptions options)
        {
            ConductorModule.Add(builder, options);
            var replace = Replacements[options.StateDirectory];
            if (replace.Provider is { } provider)
                builder.Services.AddSingleton(provider);
            if (replace.Store is { } store)
                builder.Services.AddSingleton(store);
            if (replace.Clock is { } clock)
                builder.Services.AddSingleton(clock);
            if (replace.ProfileLog is { } profiles)
                builder.Services.AddSingleton<ILogger<Launch.ProfileStore>>(profiles);
            if (replace.ReconcileLog is { } repairs)
                builder.Services.AddSingleton<ILogger<Reconcile.Reconciler>>(repairs);
            if (replace.RemainsLog is { } remains)
                builder.Services.AddSingleton<ILogger<Launch.InstanceRemains>>(remains);
        }

        public static void Listen(KestrelServerOptions kestrel, ConductorOptions options) => ConductorModule.Listen(kestrel, options);

        public static void Map(WebApplication app) => ConductorModule.Map(app);
    }
}

/// <summary>What Conductors of one deployment share: PKI, Puppet CA, bucket.</summary>
internal sealed class ConductorFixture : IDisposable
{
    public TestPki Pki { get; } = new();
    public TestPuppetCa Ca { get; } = new();
    public TempDirectory Data { get; } = new();
    public string Bucket => "file:" + Data.File("objects");

    public ObjectStore OpenStore() => ObjectStore.Open(Bucket, "");

    /// <summary>A Conductor as its own process, without a registry.</summary>
    /// <param name="port">Its gRPC listener.</param>
    /// <param name="environment">Added to this process's.</param>
    public ServiceProcess StartProcess(int port, IReadOnlyDictionary<string, string>? environment = null) =>
        new(RepositoryPaths.Output("services/Conductor", "Overture.Conductor.dll"), ProcessConfig(port), environment);

    /// <summary>The command that starts the same, its option file written.</summary>
    public IReadOnlyList<string> ProcessCommand(int port, string address = "127.0.0.1") =>
        ["dotnet", RepositoryPaths.Output("services/Conductor", "Overture.Conductor.dll"), "--config", ProcessConfig(port, address)];

    private string ProcessConfig(int port, string address = "127.0.0.1")
    {
        var tls = Pki.Files("conductor");
        var config = Data.File("conductor.yaml");
        File.WriteAllText(config, $$"""
            bucket: {{Bucket}}
            listen: {{address}}:{{port}}
            stateDirectory: {{Data.File("state")}}
            tls: { certificate: {{tls.Certificate}}, key: {{tls.Key}}, roots: {{tls.Roots}} }
            registry: { endpoint: "127.0.0.1:9" }
            launch: { signingKey: {{Pki.LaunchSigningKey}}, tokenKey: {{Pki.LaunchTokenKey}}, caBundle: {{Ca.BundleFile}} }
            reports: { listen: "" }
            """);
        return config;
    }

    /// <summary>Whether it answers, and says that it serves.</summary>
    public static async Task<bool> Serves(Health.HealthClient health)
    {
        try
        {
            return (await health.CheckAsync(new HealthCheckRequest())).Status == HealthCheckResponse.Types.ServingStatus.Serving;
        }
        catch (RpcException)
        {
            return false;
        }
    }

    /// <summary>A launch spec as start_instance.yaml makes it.</summary>
    public static LaunchSpec Spec(Action<LaunchSpec>? change = null)
    {
        var spec = new LaunchSpec
        {
            Provider = "local",
            Image = "host",
            InstanceType = "small",
            Puppet = new PuppetSettings { Server = "puppet.example.com" },
            Node = new NodeSpec
            {
                Classes = Struct.Parser.ParseJson("""{"login_allowed": {"user": "demo", "key": "ssh-ed25519 AAAA"}}"""),
                Parameters = Struct.Parser.ParseJson("""{"mode": "0777", "answer": 42}"""),
                Environment = "production",
            },
        };
        change?.Invoke(spec);
        return spec;
    }

    public void Dispose()
    {
        Pki.Dispose();
        Ca.Dispose();
        Data.Dispose();
    }
}
