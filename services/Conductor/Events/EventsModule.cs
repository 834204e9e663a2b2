using Microsoft.Extensions.DependencyInjection;
using Overture.Platform.Serving;

namespace Overture.Conductor.Events;

/// <summary>Events: their log, and who writes it.</summary>
internal static class EventsModule
{
    public static IServiceCollection AddEvents(this IServiceCollection services) =>
        services
            .AddSingleton<EventLog>()
            .AddSingleton<EventCheckpoints>()
            .AddSingleton<EventTurn>()
            .AddHostedService(p => p.GetRequiredService<EventTurn>())
            .AddSingleton<EventRecorder>()
            .AddHostedService(p => p.GetRequiredService<EventRecorder>())
            .AddMadeAtStart<EventMetrics>()
            .AddHostedService<EventTrim>()
            .AddSingleton<WatchEvents>();
}
