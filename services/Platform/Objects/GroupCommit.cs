using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>
/// Group commit: writers that wait at the same time share one syncfs(2), which costs about as much as one writer's fsync(2) does. A writer
/// that asks while a sync is running waits for the next one, since its write may have come too late for this one.
/// A lone writer, a kernel whose syncfs hides errors, and a disk that other writes make slow: an fsync for each instead.
/// </summary>
internal sealed class GroupCommit(string root, TimeProvider clock)
{
    private const int Few = 1;
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(100), Avoid = TimeSpan.FromSeconds(10),
        Linger = TimeSpan.FromSeconds(1);
    private static readonly bool SaysErrors = Environment.OSVersion.Version >= new Version(5, 8);

    private readonly object gate = new();
    private readonly SafeFileHandle fileSystem = Libc.OpenDirectory(root);
    private List<Waiter> waiting = [];
    private bool running;
    private long slowAt;

    /// <summary>For tests: rounds begun and ended so far, and what is done before each sync (true: one for all).</summary>
    internal (long Begun, long Ended) Rounds;
    internal Action<bool>? Before { get; set; }

    /// <returns>Ends when what was written to the files before the call is on the disk.</returns>
    /// <exception cref="IOException">It may not be.</exception>
    public Task Bytes(IReadOnlyList<SafeFileHandle> files) => Wait(new Waiter(files, []));

    /// <returns>Ends when the names are on the disk: a folder is itself an entry, and may have been made a moment ago; so all of them, from
    /// the root down.</returns>
    /// <exception cref="IOException">They may not be.</exception>
    public Task Names(IReadOnlyList<string> paths) => Wait(new Waiter([], paths));

    private Task Wait(Waiter waiter)
    {
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

    // Null: no writer came for a while, and the thread is to end.
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

    private Exception?[]? Sync(List<Waiter> batch)
    {
        Exception? together = null;
        if (SaysErrors && batch.Count > Few && (slowAt == 0 || clock.GetElapsedTime(slowAt) >= Avoid) && (together = Together()) is null)
            return null;
        return OneByOne(batch, together);
    }

    private IOException? Together()
    {
        try
        {
            Before?.Invoke(true);
            var began = clock.GetTimestamp();
            Libc.SyncFileSystem(fileSystem);
            slowAt = clock.GetElapsedTime(began) >= Slow ? clock.GetTimestamp() : 0;
            return null;
        }
        catch (IOException e)
        {
            return e;
        }
    }

    /// <param name="together">Why a sync of all failed: perhaps another program's file. Each open file shows whether it is affected; of a
    /// folder that is unknown, since the kernel reports an error once.</param>
    private Exception?[] OneByOne(List<Waiter> batch, Exception? together)
    {
        var failures = new Exception?[batch.Count];
        // A folder that several wait for is synced once, and failed for all of them if it failed.
        var folders = new Dictionary<string, Exception?>(StringComparer.Ordinal);
        for (var i = 0; i < batch.Count; i++)
        {
            failures[i] = batch[i].Files.Select(file => Try(() => Libc.Sync(file))).FirstOrDefault(e => e is not null);
            if (batch[i].Paths.Count > 0)
            {
                failures[i] = together ?? batch[i].Paths.SelectMany(Folders).Select(f => folders.TryGetValue(f, out var known)
                    ? known : folders[f] = Try(() => SyncFolder(f))).FirstOrDefault(e => e is not null);
            }
        }
        return failures;
    }

    private Exception? Try(Action sync)
    {
        try
        {
            Before?.Invoke(false);
            sync();
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private IEnumerable<string> Folders(string path)
    {
        for (var end = root.Length; end > 0; end = path.IndexOf('/', end + 1))
            yield return path[..end];
    }

    private static void SyncFolder(string path)
    {
        try
        {
            Libc.SyncDirectory(path);
        }
        catch (DirectoryNotFoundException)
        {
            // Deleted again meanwhile.
        }
    }

    private sealed class Waiter(IReadOnlyList<SafeFileHandle> files, IReadOnlyList<string> paths)
        : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public IReadOnlyList<SafeFileHandle> Files => files;
        public IReadOnlyList<string> Paths => paths;
    }
}
