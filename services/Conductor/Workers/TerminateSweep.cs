using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Serving;

namespace Overture.Conductor.Workers;

/// <summary>
/// Finishes terminations that callers gave up on or a killed Conductor left half done; and begins those of instances whose ttl expired.
/// A provider that hangs holds up its own instances alone.
/// </summary>
internal sealed class TerminateSweep(TerminateSaga saga, InstanceTable table, TimeProvider clock, ILogger<TerminateSweep> log)
    : PeriodicWorker(Period, clock)
{
    private const int AtOnce = 8;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<CertName, Task> underWay = new();
    private readonly ConcurrentDictionary<string, SemaphoreSlim> turns = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.WhenAny(table.FirstLook, Task.Delay(Period, Clock, stoppingToken));
        await base.ExecuteAsync(stoppingToken);
        await Task.WhenAll(underWay.Values);
    }

    protected override bool AtStart => true;

    protected override async Task Turn(CancellationToken cancel)
    {
        await Expire(cancel);
        foreach (var row in table.Rows.All.Where(r => r.State == InstanceState.Terminating))
            GoOn(row.Name, $"{row.Provider} {row.Account}", cancel);
    }

    private async Task Expire(CancellationToken stopping)
    {
        var now = Clock.GetUtcNow();
        foreach (var over in table.Rows.All.Where(r => r.State < InstanceState.Terminating && !r.Protected && r.Expires <= now))
        {
            var name = over.Name;
            try
            {
                // As the store knows it: it may have been given a longer life a moment ago.
                if (await table.Refold(name, stopping) is { Protected: false, State: < InstanceState.Terminating } still
                    && still.Expires.Maybe() <= now)
                {
                    await saga.Begin(name, "ttl", "its ttl expired", stopping);
                }
            }
            catch (Exception e) when (!stopping.IsCancellationRequested)
            {
                Log.TerminateWaits(log, name, e.Message);
            }
        }
    }

    private void GoOn(CertName name, string provider, CancellationToken stopping)
    {
        if (underWay.ContainsKey(name))
            return;
        var begin = new TaskCompletionSource();
        underWay[name] = Advance(begin.Task, name, turns.GetOrAdd(provider, _ => new SemaphoreSlim(AtOnce, AtOnce)), stopping);
        begin.SetResult();
    }

    private async Task Advance(Task begin, CertName name, SemaphoreSlim turn, CancellationToken stopping)
    {
        await begin;
        try
        {
            await turn.WaitAsync(stopping);
            try
            {
                if (await saga.Advance(name, stopping) is { } pending)
                    Log.TerminateWaits(log, name, pending);
            }
            finally
            {
                turn.Release();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // the next process continues
        }
        catch (Exception e)
        {
            Log.TerminateWaits(log, name, e.Message);
        }
        finally
        {
            underWay.TryRemove(name, out _);
        }
    }
}
