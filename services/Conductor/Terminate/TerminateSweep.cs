using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Terminate;

/// <summary>
/// Finishes what callers gave up on, or a killed Conductor left half done; and begins it where an instance was to live for so long, and has.
/// A provider that hangs holds up its own instances alone.
/// </summary>
internal sealed class TerminateSweep(TerminateSaga saga, StateKeeper keeper, TimeProvider clock, ILogger<TerminateSweep> log) : BackgroundService
{
    private const int AtOnce = 8;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<CertName, Task> underWay = new();
    private readonly ConcurrentDictionary<string, SemaphoreSlim> turns = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        try
        {
            await Task.WhenAny(keeper.FirstLook, Task.Delay(Period, clock, stoppingToken));
            do
            {
                await Expire(stoppingToken);
                foreach (var instance in keeper.All.Where(i => i.State == InstanceState.Terminating))
                    GoOn(CertName.Parse(instance.Certname), instance.Provider, stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
        await Task.WhenAll(underWay.Values);
    }

    private async Task Expire(CancellationToken stopping)
    {
        var now = clock.GetUtcNow();
        foreach (var over in keeper.All.Where(i => i.State < InstanceState.Terminating && !i.Protected && i.Expires.Maybe() <= now))
        {
            var name = CertName.Parse(over.Certname);
            try
            {
                // As the store knows it: it may have been given a longer life a moment ago.
                if (await keeper.Refold(name, stopping) is { Protected: false, State: < InstanceState.Terminating } still && still.Expires.Maybe() <= now)
                    await saga.Begin(name, "ttl", "its time is over", stopping);
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
            // whoever starts next goes on
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
