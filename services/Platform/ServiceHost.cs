using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Serving;
using Overture.Platform.Rpc;
using Overture.Platform.Objects;
using Overture.Platform.Options;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Platform.Tls;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Overture.Platform;

/// <summary>What a service adds to the platform.</summary>
public interface IServiceParts<TOptions> where TOptions : ServiceOptions
{
    /// <summary>"conductor", "certauthority" or "classifier".</summary>
    static abstract string Name { get; }

    /// <summary>The gRPC services it serves, beside health and reflection.</summary>
    static abstract IReadOnlyList<ServiceDescriptor> Services { get; }

    /// <summary>A row for each of their RPCs.</summary>
    static abstract void Roles(RoleTable table);

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
    // Shorter than `overture health` and probes wait, so that they hear why.
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(3);
    private const int ExitUsage = 64, ExitRefused = 70, ExitConfiguration = 78;

    /// <returns>The exit code: 0, 64 for other arguments (EX_USAGE), 78 for bad options (EX_CONFIG), 70 for a start refused (EX_SOFTWARE).</returns>
    public static async Task<int> Run<TParts, TOptions>(string[] args)
        where TParts : IServiceParts<TOptions>
        where TOptions : ServiceOptions, new()
    {
        switch (args)
        {
            case [] or ["--config", _]:
                return await Serve<TParts, TOptions>(args.ElementAtOrDefault(1));
            case ["--print-options"]:
                await Console.Out.WriteLineAsync(OptionSchema.Print<TOptions>(TParts.Name));
                return 0;
            case ["--help"]:
                await Console.Out.WriteLineAsync(Usage(TParts.Name));
                return 0;
            default:
                await Console.Error.WriteLineAsync(Usage(TParts.Name));
                return ExitUsage;
        }
    }

    private static string Usage(string service) =>
        $"""
        usage: [--config FILE | --print-options | --help]
          --config FILE     options of {service}; without it /etc/overture/{service}.yaml, if it is there; the environment goes over it
          --print-options   every option and variable that {service} reads, with type and default, as JSON
        """;

    private static async Task<int> Serve<TParts, TOptions>(string? file)
        where TParts : IServiceParts<TOptions>
        where TOptions : ServiceOptions, new()
    {
        try
        {
            var options = OptionsFile.Load<TOptions>(TParts.Name, file);
            await using var app = Build<TParts, TOptions>(options);
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
        catch (Exception e) when (e is FaultException or InvalidOperationException or IOException)
        {
            await Console.Error.WriteLineAsync($"overture {TParts.Name}: start refused: {e.Message}");
            return ExitRefused;
        }
    }

    /// <summary>The service, built and checked but not started.</summary>
    public static WebApplication Build<TParts, TOptions>(TOptions options)
        where TParts : IServiceParts<TOptions>
        where TOptions : ServiceOptions
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.AddTelemetry(TParts.Name);
        AddPlatform(builder, options, TParts.Name, [.. TParts.Services, Protos.Health.V1.Health.Descriptor,
            Protos.Reflection.V1.ServerReflection.Descriptor, Protos.Reflection.V1Alpha.ServerReflection.Descriptor]);
        builder.Services.AddHealthChecks().AddCheck<StoreHealth>("store", TParts.WithoutStore, timeout: CheckLimit).AddCheck<ClockHealth>("clock", TParts.WithWrongClock);
        builder.Services.AddSingleton(options);
        TParts.Add(builder, options);

        var roles = PlatformRoles();
        TParts.Roles(roles);
        builder.Services.AddSingleton(roles);

        var peers = new PeerCertificates(options.Tls, TimeProvider.System);
        _ = peers.Current; // an unusable identity is refused now, not at the first handshake
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPEndPoint.Parse(options.Listen), listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.Named(Listeners.Grpc);
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(peers.ServerOptions()) });
            });
            TParts.Listen(kestrel, options);
        });

        var app = builder.Build();
        app.UseRouting();
        app.Use(app.Services.GetRequiredService<Drain>().Around);
        app.UseListenerGuard();
        app.MapGrpcService<HealthApi>().OnListener(Listeners.Grpc);
        app.MapGrpcService<ReflectionApi>().OnListener(Listeners.Grpc);
        app.MapGrpcService<ReflectionAlphaApi>().OnListener(Listeners.Grpc);
        TParts.Map(app);
        Refuse(roles.Gaps(app.Services.GetRequiredService<ServedServices>().Descriptors), "the role table has gaps");
        return app;
    }

    private static void AddPlatform(WebApplicationBuilder builder, ServiceOptions options, string service, IReadOnlyList<ServiceDescriptor> served)
    {
        var services = builder.Services;
        services.AddSingleton<ServiceOptions>(options).AddSingleton(TimeProvider.System);
        services.AddSingleton(RandomNumberGenerator.Create());
        services.AddSingleton<Ids>();
        services.AddSingleton(new ServedServices(served));
        services.AddSingleton<ReflectionIndex>();
        services.AddSingleton(p => ObjectStore.Open(options.Bucket, options.Deployment, options.S3, p.GetRequiredService<TimeProvider>()));
        services.AddSingleton<StoreProbe>();
        services.AddSingleton(options.Registry);
        services.AddSingleton(new RegistryKeys(options.Deployment));
        services.AddSingleton<RegistryConnection>();
        services.AddSingleton<StoreWatch>().AddHostedService(p => p.GetRequiredService<StoreWatch>());
        services.AddHostedService(p => p.GetRequiredService<RegistryConnection>());
        services.AddSingleton<EventLog>();
        // Stopped before the connection, which was started before.
        services.AddHostedService<LastLines>();
        services.AddSingleton<ChangeFeed>();
        services.AddHostedService(p => p.GetRequiredService<ChangeFeed>());
        services.AddSingleton<ServingState>().AddSingleton<Drain>().AddHostedService(p => p.GetRequiredService<Drain>());
        services.AddGrpc(grpc =>
        {
            grpc.EnableDetailedErrors = false;
            grpc.MaxReceiveMessageSize = 512 * 1024;
            grpc.Interceptors.Add<FaultInterceptor>();
            grpc.Interceptors.Add<RoleInterceptor>();
        });
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(25));
    }

    // Health is for every peer of the internal PKI; reflection for operators and up.
    private static RoleTable PlatformRoles() => new RoleTable()
        .Allow(Protos.Health.V1.Health.Descriptor, "Check", Enum.GetValues<Role>())
        .Allow(Protos.Health.V1.Health.Descriptor, "Watch", Enum.GetValues<Role>())
        .Allow(Protos.Reflection.V1.ServerReflection.Descriptor, "ServerReflectionInfo", Role.Operator, Role.Admin)
        .Allow(Protos.Reflection.V1Alpha.ServerReflection.Descriptor, "ServerReflectionInfo", Role.Operator, Role.Admin);

    private static void Refuse(IReadOnlyList<string> gaps, string what)
    {
        if (gaps.Count > 0)
            throw new InvalidOperationException($"{what}: {string.Join("; ", gaps)}");
    }

    // What was written before the stop shall not miss its line.
    private sealed class LastLines(EventLog events) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => events.Flushed();
    }
}
