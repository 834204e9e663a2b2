using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Overture.Platform.Serving;

/// <summary>
/// Has something made when the service starts that nothing else asks for: gauges, which register themselves and are asked by the exporters.
/// </summary>
internal sealed class MadeAtStart<T>(T made) : IHostedService
{
    /// <summary>It; the parameter alone would be unused.</summary>
    public T Made => made;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Registers <see cref="MadeAtStart{T}"/>.</summary>
public static class MadeAtStartModule
{
    public static IServiceCollection AddMadeAtStart<T>(this IServiceCollection services) where T : class =>
        services.AddSingleton<T>().AddHostedService(p => new MadeAtStart<T>(p.GetRequiredService<T>()));
}
