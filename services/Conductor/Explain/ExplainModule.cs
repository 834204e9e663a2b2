using Microsoft.Extensions.DependencyInjection;

namespace Overture.Conductor.Explain;

/// <summary>Why an instance, or a fleet, is not ready.</summary>
internal static class ExplainModule
{
    public static IServiceCollection AddExplain(this IServiceCollection services) =>
        services
            .AddSingleton<UncollectedCertificates>()
            .AddSingleton<ExplainInstance>()
            .AddSingleton<SummarizeCauses>();
}
