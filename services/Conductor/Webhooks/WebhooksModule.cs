using Microsoft.Extensions.DependencyInjection;
using Overture.Platform.Serving;

namespace Overture.Conductor.Webhooks;

/// <summary>Events out: to the webhooks of the options.</summary>
internal static class WebhooksModule
{
    public static IServiceCollection AddWebhooks(this IServiceCollection services) =>
        services
            .AddSingleton<EventIds>()
            .AddSingleton<WebhookSet>()
            .AddSingleton<DeadLetterStore>()
            .AddSingleton<DeadLetterActs>()
            .AddSingleton<WebhookDelivery>()
            .AddHostedService(p => p.GetRequiredService<WebhookDelivery>())
            .AddMadeAtStart<WebhookMetrics>();
}
