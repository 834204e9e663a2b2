using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Overture.Conductor.Api;
using Overture.Conductor.Console;
using Overture.Conductor.Events;
using Overture.Conductor.Explain;
using Overture.Conductor.FirstBoot;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.Providers.Local;
using Overture.Conductor.Providers;
using Overture.Conductor.Reconcile;
using Overture.Conductor.Reports;
using Overture.Conductor.Retry;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Conductor.Webhooks;
using Overture.Conductor.Workers;
using Overture.Platform.PuppetHost;
using Overture.Platform.Registry;
using Overture.Platform.Rpc;
using Overture.Platform.Serving;
using Overture.Platform;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Overture.Conductor;

/// <summary>Registers the service's parts.</summary>
public sealed class ConductorModule : IServiceModule<ConductorOptions>
{
    public static string Name => "conductor";

    public static IReadOnlyList<ServiceDescriptor> Services { get; } = [ConductorService.Descriptor];

    public static void Add(WebApplicationBuilder builder, ConductorOptions options)
    {
        Directory.CreateDirectory(options.StateDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var services = builder.Services;
        services.AddSingleton(new LaunchKeys(options));
        services.AddCountFromZero(p => InstanceMetrics.LaunchesFromZero(p.GetRequiredService<ProviderSet>().All.Select(a => a.Name)));
        var bundle = new PuppetCaBundle(options.Launch.CaBundle, "launch.caBundle");
        _ = bundle.Current; // an unusable bundle is refused now, not at the first launch
        services.AddSingleton(bundle);
        services
            .AddSingleton<InstanceIndex>()
            .AddSingleton<LastRuns>()
            .AddSingleton<ConsoleSessions>()
            .AddSingleton<CheckBucket>()
            .AddSingleton<CheckSite>()
            .AddSingleton<Lease>()
            .AddInstances()
            .AddSingleton<ProviderSet>()
            .AddLaunch()
            .AddSingleton<ReplaceInstance>()
            .AddSingleton<RetryInstance>()
            .AddSingleton<TerminateSaga>()
            .AddSingleton<TerminateInstance>()
            .AddSingleton<GetConsole>()
            .AddExplain()
            .AddReconcile()
            .AddEvents()
            .AddWebhooks()
            .AddWorkers();
        if (options.Local.Directory.Length > 0)
        {
            services.AddSingleton<LocalProvider>().AddSingleton<IProvider>(p => p.GetRequiredService<LocalProvider>());
            services.AddHostedService<LocalInstanceRecovery>();
        }
        foreach (var site in options.Ec2.IsOn ? Ec2Sites.Of(options.Ec2) : [])
        {
            services.AddSingleton<IProvider>(p => new Ec2Provider(options.Ec2, options.Deployment, p.GetRequiredService<TimeProvider>(),
                null, site));
        }
        if (options.Reports.Listen.Length > 0)
            ReportIntake.Add(services, options);
        if (options.FirstBoot.IsOn)
            FirstBootIntake.Add(services);
        if (options.PuppetDb.IsOn)
        {
            services.AddSingleton<PuppetDbClient>().AddSingleton<DeactivateNode>();
            services.AddSingleton<ReturnedNodes>().AddHostedService(p => p.GetRequiredService<ReturnedNodes>());
        }
    }

    public static void Listen(KestrelServerOptions kestrel, ConductorOptions options)
    {
        if (options.Reports.Listen.Length > 0)
            ReportIntake.Listen(kestrel, options);
        if (options.FirstBoot.IsOn)
            FirstBootIntake.Listen(kestrel, options);
    }

    public static void Map(WebApplication app)
    {
        app.MapRpcsOf<LaunchApi>();
        app.MapRpcsOf<ProfilesApi>();
        app.MapRpcsOf<InstancesApi>();
        app.MapRpcsOf<LifecycleApi>();
        app.MapRpcsOf<ExplainApi>();
        app.MapRpcsOf<EventsApi>();
        app.MapRpcsOf<SiteApi>();
        if (app.Services.GetRequiredService<ConductorOptions>().Reports.Listen.Length > 0)
            ReportIntake.Map(app);
        if (app.Services.GetRequiredService<ConductorOptions>().FirstBoot.IsOn)
            FirstBootIntake.Map(app);
    }
}
