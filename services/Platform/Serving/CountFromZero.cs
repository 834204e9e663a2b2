using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Overture.Platform.Serving;

/// <summary>
/// Adds zero to counters when the service starts and metrics are collected. A counter's series begins with what was counted first, and
/// Prometheus sees an increase from the second sample on: without a zero the first theft of a token, say, would raise no alert.
/// </summary>
internal sealed class CountFromZero(Action counters) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        counters();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Registers <see cref="CountFromZero"/>.</summary>
public static class CountFromZeroModule
{
    /// <param name="services">Of a service whose telemetry is registered: that starts first.</param>
    /// <param name="counters">Adds zero to each series that an alert looks at.</param>
    public static IServiceCollection AddCountFromZero(this IServiceCollection services, Action counters) =>
        services.AddCountFromZero(_ => counters());

    /// <param name="services">As above.</param>
    /// <param name="counters">As above, where which series there are is an option's.</param>
    public static IServiceCollection AddCountFromZero(this IServiceCollection services, Action<IServiceProvider> counters) =>
        services.AddSingleton<IHostedService>(provider => new CountFromZero(() => counters(provider)));
}
