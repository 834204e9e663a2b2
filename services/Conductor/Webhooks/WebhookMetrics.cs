using System.Diagnostics.Metrics;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Webhooks;

/// <summary>Webhooks as metrics: attempts of every Conductor; what waits, of the one that delivers.</summary>
internal sealed class WebhookMetrics : IDisposable
{
    private static readonly Meter Shared = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Attempts =
        Shared.CreateCounter<long>(FlowTelemetry.WebhookAttempts, "{attempt}", "attempts to deliver an event");
    private readonly Meter meter = new(FlowTelemetry.SourceName);
    private readonly WebhookDelivery delivery;

    public WebhookMetrics(WebhookDelivery delivery)
    {
        this.delivery = delivery;
        meter.CreateObservableGauge(FlowTelemetry.WebhookWaiting, () => Of(p => (long)p.Waiting, p => !p.IsGone), "{event}",
            "events that a webhook has not had yet");
        meter.CreateObservableGauge(FlowTelemetry.WebhookAge, () => Of(p => p.Age.TotalSeconds, p => !p.IsGone), "s",
            "age of the oldest of them");
        meter.CreateObservableGauge(FlowTelemetry.WebhookDeadLetters, () => Of(p => (long)p.DeadLetters, _ => true), "{event}",
            "events that a webhook did not take");
    }

    public static void Attempted(string webhook, DeliveryOutcome outcome) =>
        Attempts.Add(1, new("webhook", webhook), new KeyValuePair<string, object?>("outcome", EnumWord.Of(outcome)));

    public void Dispose() => meter.Dispose();

    private IEnumerable<Measurement<T>> Of<T>(Func<WebhookPump, T> value, Func<WebhookPump, bool> which) where T : struct =>
        delivery.Pumps.Where(p => which(p.Value))
            .Select(p => new Measurement<T>(value(p.Value), new KeyValuePair<string, object?>("webhook", p.Key)));
}
