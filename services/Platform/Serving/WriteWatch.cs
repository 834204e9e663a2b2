using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Objects;
using Overture.Platform.Options;
using Overture.Platform.Records;

namespace Overture.Platform.Serving;

/// <summary>
/// Tries at intervals whether the object store and this process's own directories take writes: a full disk, one without inodes and one that
/// was remounted read-only answer every read. Health says what it found; that it began and that it is over are logged once each.
/// </summary>
public sealed partial class WriteWatch : BackgroundService
{
    private const int Bytes = 16 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15), Usual = TimeSpan.FromSeconds(5),
        WhileBroken = TimeSpan.FromSeconds(10);
    private readonly TimeProvider clock;
    private readonly ILogger<WriteWatch> log;
    private readonly Target store;
    private readonly IReadOnlyList<Target> directories;

    public WriteWatch(ObjectStore store, ServiceOptions options, Ids ids, TimeProvider clock, ILogger<WriteWatch> log)
    {
        (this.clock, this.log) = (clock, log);
        this.store = new Target($"the object store {store.Name}", store.WriteProbePeriod, cancel => Write(store, ids, cancel));
        directories = [.. options.WrittenDirectories().Select(path => new Target(path, Usual, cancel => Write(path, cancel)))];
    }

    /// <summary>Why the object store takes no writes; null: it does, as far as we know.</summary>
    public string? Store => store.Problem;

    /// <summary>Which of the own directories take no writes, and why; null: all do.</summary>
    public string? Directories => directories.Select(d => d.Problem).OfType<string>().ToList() is { Count: > 0 } problems
        ? string.Join("; ", problems) : null;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(directories.Append(store).Select(target => Follow(target, stoppingToken)));
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async Task Follow(Target target, CancellationToken stopping)
    {
        while (true)
        {
            await Try(target, stopping);
            await Task.Delay(target.Problem is null || target.Period < WhileBroken ? target.Period : WhileBroken, clock, stopping);
        }
    }

    private async Task Try(Target target, CancellationToken stopping)
    {
        var before = target.Problem;
        try
        {
            // A write to a disk that hangs can't be canceled: it holds a thread until it ends. No second one begins before that.
            if (target.UnderWay is { IsCompleted: false })
                throw new TimeoutException();
            target.UnderWay = Task.Run(() => target.Write(stopping), stopping);
            await target.UnderWay.WaitAsync(Limit, clock, stopping);
            target.Problem = null;
            if (before is not null)
                Again(log, target.Name);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            target.Problem =
                $"{target.Name} takes no writes: "
                    + $"{(e is TimeoutException or OperationCanceledException ? $"not within {Limit.TotalSeconds:0} s" : e.Message)}";
            if (before is null)
                Failed(log, target.Problem);
        }
    }

    private static async Task Write(ObjectStore store, Ids ids, CancellationToken cancel)
    {
        var key = ObjectKeys.Probes + ids.Unguessable();
        await store.PutIfAbsent(key, (ReadOnlyMemory<byte>)new byte[Bytes], cancel);
        await store.Delete(key, cancel);
    }

    // The report spool removes such a file, if a kill leaves it there.
    private static async Task Write(string directory, CancellationToken cancel)
    {
        var file = Path.Combine(directory, ".write-probe.part");
        try
        {
            await using var stream = new FileStream(file, FileMode.Create, FileAccess.Write);
            await stream.WriteAsync(new byte[Bytes], cancel);
            stream.Flush(flushToDisk: true);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [LoggerMessage(EventId = 32, EventName = "health.writes_failed", Level = LogLevel.Error, Message = "{Problem}")]
    private static partial void Failed(ILogger logger, string problem);

    [LoggerMessage(EventId = 33, EventName = "health.writes_again", Level = LogLevel.Information, Message = "{What} takes writes again")]
    private static partial void Again(ILogger logger, string what);

    private sealed class Target(string name, TimeSpan period, Func<CancellationToken, Task> write)
    {
        public string Name => name;
        public TimeSpan Period => period;
        public Func<CancellationToken, Task> Write => write;
        public volatile string? Problem;

        /// <summary>The last write that began.</summary>
        public Task? UnderWay;
    }
}
