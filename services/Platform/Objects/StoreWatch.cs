using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;

namespace Overture.Platform.Objects;

/// <summary>
/// Puts the store's promises to the test before anything is served (one that breaks them stops the start), and again every hour: while it breaks
/// one, the service is not ready. Servers are upgraded and clusters lose nodes.
/// </summary>
public sealed partial class StoreWatch(StoreProbe probe, ObjectStore store, TimeProvider clock, ILogger<StoreWatch> log) : BackgroundService
{
    private static readonly TimeSpan Usual = TimeSpan.FromHours(1), WhileBroken = TimeSpan.FromMinutes(1);

    /// <summary>The promise it breaks, in a sentence; null: none that we know.</summary>
    public string? Broken { get; private set; }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await probe.Run(rounds: 2, writers: 8, cancellationToken);
        await Look(cancellationToken);
        if (Broken is { } broken)
            throw new FaultException(FaultKind.Precondition, Records.Reason.StoreUnavailable, broken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Broken is null ? Usual : WhileBroken, clock, stoppingToken);
                await Again(stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task Again(CancellationToken stopping)
    {
        try
        {
            await Look(stopping);
        }
        catch (FaultException)
        {
            // It does not answer: the readiness check tells that by itself, and nothing new is known of its promises.
        }
    }

    private async Task Look(CancellationToken cancel)
    {
        var (promises, settings) = await probe.Check(writers: 8, cancel);
        Broken = probe.Broken(promises);
        if (Broken is { } broken)
            Untrustworthy(log, broken);
        if (settings.Public)
            OpenToAll(log, store.Name);
    }

    [LoggerMessage(EventId = 20, EventName = "store.untrustworthy", Level = LogLevel.Critical, Message = "not ready: {What}")]
    private static partial void Untrustworthy(ILogger logger, string what);

    [LoggerMessage(EventId = 21, EventName = "store.public", Level = LogLevel.Warning,
        Message = "{Store} can be read by anybody, without a key: block public access to the bucket (docs/operations.md)")]
    private static partial void OpenToAll(ILogger logger, string store);
}
