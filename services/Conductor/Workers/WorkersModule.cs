using Microsoft.Extensions.DependencyInjection;

namespace Overture.Conductor.Workers;

/// <summary>What runs by itself, in the order it starts.</summary>
internal static class WorkersModule
{
    public static IServiceCollection AddWorkers(this IServiceCollection services) =>
        services
            .AddSingleton<FleetScan>()
            .AddHostedService<StateSweep>()
            .AddHostedService<TerminateSweep>()
            .AddHostedService<RemainsSweep>()
            .AddHostedService<InstanceObserver>()
            .AddHostedService<ReconcileTimer>()
            .AddHostedService<InventoryPoller>()
            .AddHostedService<RunFollower>()
            .AddHostedService<WordsFollower>()
            .AddHostedService<StalledConsoleCapture>();
}
