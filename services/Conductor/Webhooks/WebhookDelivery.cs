using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Events;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Webhooks;

/// <summary>Delivers to every webhook while it is this Conductor's turn.</summary>
internal sealed class WebhookDelivery(WebhookSet webhooks, EventLog events, EventTurn turn, DeadLetterStore letters, ObjectStore store,
    Ids ids, TimeProvider clock, RandomNumberGenerator random, ILogger<WebhookDelivery> log) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    /// <summary>Those that deliver now, by webhook; none: it is another Conductor's turn.</summary>
    public IReadOnlyDictionary<string, WebhookPump> Pumps { get; private set; } = new Dictionary<string, WebhookPump>();

    public WebhookProgress ProgressOf(string webhook) => new(webhook, store, events, ids, clock);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (webhooks.All.Count == 0)
            return;
        using var timer = new PeriodicTimer(Look, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (turn.IsOurs)
                    await Deliver(timer, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // stopping
        }
    }

    private async Task Deliver(PeriodicTimer timer, CancellationToken stopping)
    {
        using var ours = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var pumps = webhooks.All.ToDictionary(w => w.Name, w =>
            new WebhookPump(w, events, ProgressOf(w.Name), letters, clock, random, log));
        Pumps = pumps;
        var running = pumps.Values.Select(p => p.Run(ours.Token)).ToList();
        try
        {
            // A bug in one ends the service.
            while (turn.IsOurs && !running.Exists(r => r.IsFaulted) && await timer.WaitForNextTickAsync(stopping))
            {
            }
        }
        finally
        {
            Pumps = new Dictionary<string, WebhookPump>();
            await ours.CancelAsync();
        }
        try
        {
            await Task.WhenAll(running);
        }
        catch (OperationCanceledException) when (ours.IsCancellationRequested)
        {
            // another's turn, or stopping
        }
    }
}
