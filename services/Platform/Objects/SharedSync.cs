using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Overture.Platform.Objects;

/// <summary>
/// Group commit: writers that wait at the same time share one syncfs(2), which costs about as much as one writer's fsync(2) does. Whoever
/// asks while a sync is running waits for the next one, since his write may have come too late for this one.
/// A lone writer, a kernel whose syncfs hides errors, and a disk where somebody else's writes make it slow: an fsync for each instead.
/// </summary>
internal sealed class SharedSync(string root, TimeProvider clock)
{
    private const int Few = 1;
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(100), Avoid = TimeSpan.FromSeconds(10), Linger = TimeSpan.FromSeconds(1);
    private static readonly bool SaysErrors = Environment.OSVersion.Version >= new Version(5, 8);

    private readonly object gate = new();
    private readonly SafeFileHandle fileSystem = Libc.OpenDirectory(root);
    private List<Waiter> waiting = [];
    private bool running;
    private long slowAt;

    /// <summary>For tests: rounds begun and ended so far, and what is done before each sync (true: one for all).</summary>
    internal (long Begun, long Ended) Rounds;
    internal Action<bool>? Before { get; set; }

    /// <param name="alone">Makes this one write durable by itself.</param>
    /// <returns>Ends when everything that was written before the call is on the disk.</returns>
    /// <exception cref="IOException">It may not be.</exception>
    public Task Until(Action alone)
    {
        var waiter = new Waiter(alone);
        lock (gate)
        {
            waiting.Add(waiter);
            if (!running)
            {
                running = true;
                // A thread of its own, because it does nothing but wait for the disk; it ends when there is nothing to do for a while.
                new Thread(Loop) { IsBackground = true, Name = "store-sync" }.Start();
            }
            else if (waiting.Count == 1)
            {
                Monitor.Pulse(gate);
            }
        }
        return waiter.Task;
    }

    private void Loop()
    {
        while (Next() is { } batch)
        {
            Interlocked.Increment(ref Rounds.Begun);
            var failures = Sync(batch);
            Interlocked.Increment(ref Rounds.Ended);
            for (var i = 0; i < batch.Count; i++)
            {
                if (failures?[i] is { } failure)
                    batch[i].TrySetException(failure);
                else
                    batch[i].TrySetResult();
            }
        }
    }

    // Null: nobody came for a while, and the thread is to end.
    private List<Waiter>? Next()
    {
        lock (gate)
        {
            if (waiting.Count == 0)
                Monitor.Wait(gate, Linger);
            running = waiting.Count > 0;
            var batch = waiting;
            waiting = [];
            return running ? batch : null;
        }
    }

    private Exception?[]? Sync(List<Waiter> batch) =>
        SaysErrors && batch.Count > Few && (slowAt == 0 || clock.GetElapsedTime(slowAt) >= Avoid) && TryTogether() ? null : OneByOne(batch);

    // Its failure may be another program's file: then each writer finds out about his own.
    private bool TryTogether()
    {
        try
        {
            Before?.Invoke(true);
            var began = clock.GetTimestamp();
            Libc.SyncFileSystem(fileSystem);
            slowAt = clock.GetElapsedTime(began) >= Slow ? clock.GetTimestamp() : 0;
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private Exception?[] OneByOne(List<Waiter> batch)
    {
        var failures = new Exception?[batch.Count];
        for (var i = 0; i < batch.Count; i++)
        {
            try
            {
                Before?.Invoke(false);
                batch[i].Alone();
            }
            catch (Exception e)
            {
                failures[i] = e;
            }
        }
        return failures;
    }

    private sealed class Waiter(Action alone) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public void Alone() => alone();
    }
}
