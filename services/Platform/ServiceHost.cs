using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Serving;
using Overture.Platform.Rpc;
using Overture.Platform.Objects;
using Overture.Platform.Options;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Platform.Tls;
using Reflection = Grpc.Reflection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Overture.Platform;

/// <summary>What a service adds to the platform.</summary>
public interface IServiceModule<TOptions> where TOptions : ServiceOptions
{
    /// <summary>"conductor", "certauthority" or "classifier".</summary>
    static abstract string Name { get; }

    /// <summary>The gRPC services it serves, beside health and reflection; their protos name the roles of each RPC.</summary>
    static abstract IReadOnlyList<ServiceDescriptor> Services { get; }

    /// <summary>What health says while the store is away: Degraded where the service answers all the same.</summary>
    static virtual HealthStatus WithoutStore => HealthStatus.Unhealthy;

    /// <summary>What health says where this host's clock is more than a minute off the store's.</summary>
    static virtual HealthStatus WithWrongClock => HealthStatus.Degraded;

    static abstract void Add(WebApplicationBuilder builder, TOptions options);

    /// <summary>Further listeners than gRPC's.</summary>
    static abstract void Listen(KestrelServerOptions kestrel, TOptions options);

    static abstract void Map(WebApplication app);
}

/// <summary>Starts a service: options, telemetry, stores, TLS, roles, faults, health, reflection; refuses to start on any gap.</summary>
public static class ServiceHost
{
    // Shorter than `overture health` and probes wait, so that they get the reason.
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(3);
    private const int ExitUsage = 64, ExitRefused = 70, ExitConfiguration = 78;

    /// <returns>The exit code: 0, 64 for other arguments (EX_USAGE), 78 for bad options (EX_CONFIG), 70 for a start refused
    /// (EX_SOFTWARE).</returns>
    public static async Task<int> Run<TParts, TOptions>(string[] args)
        where TParts : IServiceModule<TOptions>
        where TOptions : ServiceOptions, new()
    {
        switch (args)
        {
            case [] or ["--config", _]:
                return await Serve<TParts, TOptions>(args.ElementAtOrDefault(1));
            case ["--help"]:
                await Console.Out.WriteLineAsync(OptionSchema.Usage(TParts.Name));
                return 0;
            case var _ when OptionSchema.Print<TOptions>(TParts.Name, args) is { } printed:
                await Console.Out.WriteLineAsync(printed);
                return 0;
            default:
                await Console.Error.WriteLineAsync(OptionSchema.Usage(TParts.Name));
                return ExitUsage;
        }
    }

    private static async Task<int> Serve<TParts, TOptions>(string? file)
        where TParts : IServiceModule<TOptions>
        where TOptions : ServiceOptions, new()
    {
        using var reload = new ReloadSignal();
        try
        {
            var options = OptionsFile.Load<TOptions>(TParts.Name, file);
            await using var app = Build<TParts, TOptions>(options, reload);
            await app.RunAsync();
            return 0;
        }
        catch (FaultException e) when (e.Kind == FaultKind.Invalid)
        {
            await Console.Error.WriteLineAsync($"overture {TParts.Name}: can't start, the configuration is wrong:");
            foreach (var problem in e.Fields)
                await Console.Error.WriteLineAsync($"  {problem.Field}: {problem.Rule}");
            return ExitConfiguration;
        }
        catch (Exception e) when (e is FaultException or InvalidOperationException or IOException or UnreadableObjectException)
        {
            await Console.Error.WriteLineAsync($"overture {TParts.Name}: start refused: {e.Message}");
            return ExitRefused;
        }
    }

    /// <summary>The service, built and checked but not started.</summary>
    /// <param name="options">As loaded.</param>
    /// <param name="reload">That of the process; null: the service's own.</param>
    public static WebApplication Build<TParts, TOptions>(TOptions options, ReloadSignal? reload = null)
        where TParts : IServiceModule<TOptions>
        where TOptions : ServiceOptions
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.AddServiceManager();
        builder.AddTelemetry(TParts.Name, options.Prometheus.Listen.Length > 0);
        AddPlatform(builder, options, TParts.Name, [.. TParts.Services, Grpc.Health.V1.Health.Descriptor,
            Reflection.V1.ServerReflection.Descriptor, Reflection.V1Alpha.ServerReflection.Descriptor]);
        builder.Services.AddHealthChecks().AddCheck<StoreHealth>("store", TParts.WithoutStore, timeout: CheckLimit)
            .AddCheck<StoreIdentityHealth>("store-id", timeout: CheckLimit).AddCheck<StateHealth>("state", TParts.WithoutStore)
            .AddCheck<ClockHealth>("clock", TParts.WithWrongClock).AddCheck<RegistryHealth>("registry", HealthStatus.Degraded);
        builder.Services.AddSingleton(options);
        _ = reload is null ? builder.Services.AddSingleton<ReloadSignal>() : builder.Services.AddSingleton(reload);
        TParts.Add(builder, options);

        var roles = PlatformRoles().Add(TParts.Services);
        builder.Services.AddSingleton(roles);

        var peers = new PeerCertificates(options.Tls, TimeProvider.System);
        _ = peers.Current; // an unusable identity is refused now, not at the first handshake
        builder.Services.AddSingleton(peers);
        builder.AddListeners();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limit();
            kestrel.ListenTls(options.Listen, Listeners.Grpc, HttpProtocols.Http2, options.GrpcLimits, peers.Listener);
            if (options.Prometheus.Listen.Length > 0)
            {
                kestrel.ListenPlain(options.Prometheus.Listen, Listeners.Prometheus,
                    new() { Connections = 100, PerAddress = 50, UnfinishedPerAddress = 50 });
            }
            TParts.Listen(kestrel, options);
        });

        var app = builder.Build();
        app.UseRouting();
        app.UseConnectionLimits();
        app.UseCertificateTerm();
        app.Use(app.Services.GetRequiredService<Drain>().Around);
        app.UseListenerGuard();
        if (options.Json)
            app.UseJsonCalls();
        app.MapGrpcService<HealthApi>().OnListener(Listeners.Grpc);
        app.MapGrpcReflectionService().OnListener(Listeners.Grpc);
        if (options.Prometheus.Listen.Length > 0)
            app.MapPrometheusScrapingEndpoint().OnListener(Listeners.Prometheus);
        TParts.Map(app);
        reload = app.Services.GetRequiredService<ReloadSignal>();
        reload.Add(peers.Reload);
        reload.LogTo(app.Services.GetRequiredService<ILogger<ReloadSignal>>());
        Refuse(roles.Gaps(app.Services.GetRequiredService<ServedServices>().Descriptors),
            "there are RPCs without roles (protos/overture/roles.proto)");
        return app;
    }

    private static void AddPlatform(WebApplicationBuilder builder, ServiceOptions options, string service,
        IReadOnlyList<ServiceDescriptor> served)
    {
        var services = builder.Services;
        services.AddSingleton<ServiceOptions>(options).AddSingleton(TimeProvider.System);
        services.AddSingleton(RandomNumberGenerator.Create());
        services.AddSingleton<Ids>();
        services.AddSingleton<RefusalLines>().AddHostedService(p => p.GetRequiredService<RefusalLines>());
        services.AddSingleton(new ServedServices(served));
        services.AddSingleton(p => new StoreIdentity(
            ObjectStore.Open(options.Bucket, options.Deployment, options.S3, p.GetRequiredService<TimeProvider>()), options.StateDirectory,
            options.Founding(), p.GetRequiredService<Ids>(), p.GetRequiredService<TimeProvider>(),
            p.GetRequiredService<ILogger<StoreIdentity>>()));
        services.AddSingleton<ObjectStore, IdentifiedStore>().AddHostedService(p => p.GetRequiredService<StoreIdentity>());
        services.AddSingleton<StoreProbe>();
        services.AddSingleton(options.Registry);
        services.AddSingleton(new RegistryKeys(options.Deployment)).AddSingleton(new RegistryRights(service, options.Deployment));
        services.AddSingleton<RegistryConnection>();
        services.AddSingleton<StoreWatch>().AddHostedService(p => p.GetRequiredService<StoreWatch>());
        services.AddSingleton<WriteWatch>().AddHostedService(p => p.GetRequiredService<WriteWatch>());
        services.AddHostedService(p => p.GetRequiredService<RegistryConnection>());
        services.AddSingleton<Timeline>().AddSingleton<BrokenDefinitions>();
        // Stopped before the connection, which was started before.
        services.AddHostedService<LastLines>();
        services.AddSingleton<ChangeFeed>();
        services.AddHostedService(p => p.GetRequiredService<ChangeFeed>());
        services.AddMadeAtStart<PlatformMetrics>();
        services.AddCountFromZero(ObjectStore.CountUnreadableFromZero);
        services.AddSingleton<ServingState>().AddSingleton<Drain>().AddHostedService(p => p.GetRequiredService<Drain>());
        services.AddSingleton<ServiceKeys>().AddHostedService(p => p.GetRequiredService<ServiceKeys>());
        services.AddSingleton<RevokedPeers>().AddSingleton<InternalCrls>().AddHostedService(p => p.GetRequiredService<InternalCrls>());
        services.AddConsoleCallers(options.OpenIdConnect);
        var rpcs = services.AddGrpc(grpc =>
        {
            grpc.EnableDetailedErrors = false;
            grpc.MaxReceiveMessageSize = JsonCalls.LargestBody;
            grpc.Interceptors.Add<FaultInterceptor>();
            grpc.Interceptors.Add<RoleInterceptor>();
        });
        if (options.Json)
            rpcs.AddJsonCalls();
        services.AddGrpcReflection();
        // In place of what it finds: it names a service once for each class that serves it.
        services.AddSingleton(new Reflection.ReflectionServiceImpl(served))
            .AddSingleton(new Reflection.ReflectionV1ServiceImpl(served));
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(25));
    }

    // Health is for every peer of the internal PKI; reflection for operators and up.
    private static RoleTable PlatformRoles() => new RoleTable()
        .Allow(Grpc.Health.V1.Health.Descriptor, "Check", Enum.GetValues<Role>())
        .Allow(Grpc.Health.V1.Health.Descriptor, "Watch", Enum.GetValues<Role>())
        .Allow(Reflection.V1.ServerReflection.Descriptor, "ServerReflectionInfo", Role.Operator, Role.Admin)
        .Allow(Reflection.V1Alpha.ServerReflection.Descriptor, "ServerReflectionInfo", Role.Operator, Role.Admin);

    private static void Refuse(IReadOnlyList<string> gaps, string what)
    {
        if (gaps.Count > 0)
            throw new InvalidOperationException($"{what}: {string.Join("; ", gaps)}");
    }

    // What was written before the stop must not miss its line.
    private sealed class LastLines(Timeline timeline) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => timeline.Flushed();
    }
}
