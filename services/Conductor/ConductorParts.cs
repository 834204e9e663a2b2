using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Overture.Conductor.Console;
using Overture.Conductor.Launch;
using Overture.Conductor.Profiles;
using Overture.Conductor.Providers;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.Providers.Local;
using Overture.Conductor.Reconcile;
using Overture.Conductor.Reports;
using Overture.Conductor.State;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform;
using Overture.Platform.PuppetHost;
using Overture.Platform.Registry;
using Overture.Platform.Tls;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Overture.Conductor;

/// <summary>What the Conductor is made of.</summary>
public sealed class ConductorParts : IServiceParts<ConductorOptions>
{
    private static readonly string[] Changing =
        ["LaunchInstances", "RegisterInstance", "TerminateInstance", "RetryInstance", "UpdateInstance", "QuarantineInstance", "GetConsole", "PutProfile", "CheckBucket"];

    // Reconcile also mends, where the act sees to the role.
    private static readonly string[] Reading =
    [
        "GetInstance", "ListInstances", "WatchInstances", "GetTimeline", "PreviewLaunch", "Reconcile", "ListProfiles", "GetProfile", "ValidateProfile",
    ];

    public static string Name => "conductor";

    public static IReadOnlyList<ServiceDescriptor> Services { get; } = [ConductorService.Descriptor];

    public static void Roles(RoleTable table)
    {
        foreach (var rpc in Changing)
            table.Allow(ConductorService.Descriptor, rpc, Role.Operator, Role.Admin);
        foreach (var rpc in Reading)
            table.Allow(ConductorService.Descriptor, rpc, Role.Viewer, Role.Operator, Role.Admin);
    }

    public static void Add(WebApplicationBuilder builder, ConductorOptions options)
    {
        Directory.CreateDirectory(options.StateDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var services = builder.Services;
        services.AddSingleton(new LaunchKeys(options));
        var bundle = new PuppetCaBundle(options.Launch.CaBundle, "launch.caBundle");
        _ = bundle.Current; // an unusable bundle is refused now, not at the first launch
        services.AddSingleton(bundle);
        services.AddSingleton<InstanceIndex>().AddSingleton<EvidenceReader>().AddSingleton<FactLog>().AddSingleton<ProviderSet>();
        services.AddSingleton<LaunchLedger>().AddSingleton<StartInstance>().AddSingleton<ReplaceInstance>().AddSingleton<RetryInstance>().AddSingleton<LaunchInstances>().AddSingleton<RegisterInstance>();
        services.AddSingleton<ProfileReader>().AddSingleton<ProfileStore>().AddSingleton<PreviewLaunch>();
        services.AddSingleton<CheckBucket>().AddSingleton<FetchedUserData>();
        services.AddSingleton<InstanceList>().AddSingleton<InstanceWatch>().AddSingleton<InstanceTimeline>();
        services.AddSingleton<IndexWriter>().AddSingleton<SnapshotStore>().AddSingleton<StateKeeper>().AddHostedService<StateSweep>();
        services.AddSingleton<TerminateSaga>().AddSingleton<TerminateInstance>().AddHostedService<TerminateSweep>();
        services.AddHostedService<Observer>();
        services.AddSingleton<UpdateInstance>().AddSingleton<QuarantineInstance>().AddSingleton<GetConsole>().AddSingleton<Lease>().AddSingleton<Fence>().AddSingleton<Mender>().AddSingleton<Reconciler>();
        services.AddHostedService<ReconcileTimer>().AddHostedService<PendingPoller>().AddHostedService<StallReporter>();
        if (options.Local.Directory.Length > 0)
        {
            services.AddSingleton<LocalProvider>().AddSingleton<IProvider>(p => p.GetRequiredService<LocalProvider>());
            services.AddHostedService<BootAgain>();
        }
        if (options.Ec2.IsOn)
            services.AddSingleton<Ec2Provider>().AddSingleton<IProvider>(p => p.GetRequiredService<Ec2Provider>());
        if (options.Reports.Listen.Length > 0)
            ReportIntake.Add(services, options);
        if (options.PuppetDb.IsOn)
            services.AddSingleton<PuppetDbClient>().AddSingleton<DeactivateNode>();
    }

    public static void Listen(KestrelServerOptions kestrel, ConductorOptions options)
    {
        if (options.Reports.Listen.Length > 0)
            ReportIntake.Listen(kestrel, options);
    }

    public static void Map(WebApplication app)
    {
        app.MapGrpcService<ConductorApi>().OnListener(Listeners.Grpc);
        if (app.Services.GetRequiredService<ConductorOptions>().Reports.Listen.Length > 0)
            ReportIntake.Map(app);
    }
}
