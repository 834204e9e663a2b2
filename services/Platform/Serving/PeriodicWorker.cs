using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Hosting;
using Overture.Platform.Faults;

namespace Overture.Platform.Serving;

/// <summary>
/// Does its turn at each interval until the service stops, one turn after the other. A turn that fails as expected (a store is away, a
/// record is damaged) is logged and the next one goes on; any other exception is a bug, and ends the service.
/// </summary>
/// <param name="interval">From one turn's begin to the next; a turn that takes longer has the next one follow at once.</param>
/// <param name="clock">What the interval is measured by.</param>
public abstract class PeriodicWorker(TimeSpan interval, TimeProvider clock) : BackgroundService
{
    protected TimeProvider Clock => clock;

    /// <summary>The first turn is at the start, without waiting for the interval.</summary>
    protected virtual bool AtStart => false;

    /// <summary>One more turn when the service stops, which nothing cancels.</summary>
    protected virtual bool AtStop => false;

    /// <param name="cancel">The service stops.</param>
    protected abstract Task Turn(CancellationToken cancel);

    /// <summary>Whether the next turn may go well after this.</summary>
    protected virtual bool IsExpected(Exception e) => FaultException.Of(e) is not null;

    /// <summary>Logs what was expected. A worker that does not say how expects nothing: it is thrown.</summary>
    protected virtual void Failed(Exception e) => ExceptionDispatchInfo.Throw(e);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval, clock);
        try
        {
            if (AtStart)
                await Try(stoppingToken);
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await Try(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // stopping
        }
        if (AtStop)
            await Try(CancellationToken.None);
    }

    private async Task Try(CancellationToken cancel)
    {
        try
        {
            await Turn(cancel);
        }
        catch (Exception e) when (!(e is OperationCanceledException && cancel.IsCancellationRequested) && IsExpected(e))
        {
            Failed(e);
        }
    }
}
