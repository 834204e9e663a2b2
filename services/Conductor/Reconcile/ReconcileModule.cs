using Microsoft.Extensions.DependencyInjection;

namespace Overture.Conductor.Reconcile;

/// <summary>What differs from the cloud, and its repair.</summary>
internal static class ReconcileModule
{
    public static IServiceCollection AddReconcile(this IServiceCollection services) =>
        services
            .AddSingleton<FencingLock>()
            .AddSingleton<Remediator>()
            .AddSingleton<DefinitionFindings>()
            .AddSingleton<Reconciler>();
}
