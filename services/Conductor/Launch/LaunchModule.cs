using Microsoft.Extensions.DependencyInjection;

namespace Overture.Conductor.Launch;

/// <summary>Launching and registering, and profiles.</summary>
internal static class LaunchModule
{
    public static IServiceCollection AddLaunch(this IServiceCollection services) =>
        services
            .AddSingleton<LaunchLedger>()
            .AddSingleton<InstanceScope>()
            .AddSingleton<SupersedeRequest>()
            .AddSingleton<AskProvider>()
            .AddSingleton<StartInstance>()
            .AddSingleton<LaunchInstances>()
            .AddSingleton<RegisterInstance>()
            .AddSingleton<ProfileReader>()
            .AddSingleton<ProfileStore>()
            .AddSingleton<PreviewLaunch>()
            .AddSingleton<ShowUserData>()
            .AddSingleton<FetchedUserData>()
            .AddSingleton<InstanceRemains>();
}
