using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Overture.Platform.Objects;
using Overture.Platform.Options;
using Overture.Platform.Serving;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>
/// Issue 12, 9 and 26: health says serving with a full, an inode-less or a read-only store. A file system of the test's own is made so.
/// </summary>
[Trait("Category", "integration")]
public sealed class WriteWatchTests : IAsyncLifetime
{
    private readonly FakeTimeProvider clock = new();
    private readonly RecordedLog log = new();
    private readonly TempDirectory directory = new();

    private string Disk => directory.File("disk");

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Disk);
        (await Shell.Run("mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=64", "overture-test", Disk)).Ok();
    }

    public async Task DisposeAsync()
    {
        (await Shell.Run("umount", "--lazy", Disk)).Ok();
        directory.Dispose();
    }

    [Theory]
    [InlineData("full", "No space left on device")]
    [InlineData("without inodes", "No space left on device")]
    [InlineData("read-only", "Read-only file system")]
    public async Task Health_DiskThatTakesNoWrites_IsNotReadyWithTheReasonAndHeals(string how, string why)
    {
        var store = DirectoryStore.At(Path.Combine(Disk, "objects"));
        var options = new Options(Path.Combine(Disk, "state"));
        Directory.CreateDirectory(options.StateDirectory);
        using var watch = new WriteWatch(store, options, TestIds.New(), clock, log);
        await watch.StartAsync(default);
        Assert.Equal((null, null), (await Health(store, watch), watch.Directories));

        // Again and again: what the first look wrote is freed meanwhile. And by a clock that runs ahead, a slow host may first be "not
        // within 15 s".
        await Eventually.True(async () =>
        {
            await Break(how);
            clock.Advance(TimeSpan.FromSeconds(5));
            return watch.Store?.Contains(why, StringComparison.Ordinal) == true
                && watch.Directories?.Contains(why, StringComparison.Ordinal) == true;
        }, "the watch looked again");
        Assert.StartsWith($"the object store file:{Disk}/objects takes no writes: ", await Health(store, watch), StringComparison.Ordinal);
        Assert.Contains(why, await Health(store, watch), StringComparison.Ordinal);
        Assert.StartsWith($"{options.StateDirectory} takes no writes: {why}", watch.Directories, StringComparison.Ordinal);

        await Mend(how);
        await After(() => watch.Store is null && watch.Directories is null);
        await watch.StopAsync(default);
        // Said at its beginning and at its end, of each. Where each of two probes frees what it wrote, a disk is full more than once.
        var begun = log.Lines.Count(l => l.StartsWith("Error health.writes_failed", StringComparison.Ordinal));
        Assert.InRange(begun, 2, how == "full" ? int.MaxValue : 2);
        Assert.Equal(begun, log.Lines.Count(l => l.StartsWith("Information health.writes_again", StringComparison.Ordinal)));
    }

    /// <summary>A write that hangs holds a thread for as long: one, however often the watch looks.</summary>
    [Fact]
    public async Task Watch_WriteThatHangs_BeginsNoSecondOneAndHealsWithIt()
    {
        var store = new HangingStore(DirectoryStore.At(Path.Combine(Disk, "objects")));
        var options = new Options(Path.Combine(Disk, "state"));
        Directory.CreateDirectory(options.StateDirectory);
        using var watch = new WriteWatch(store, options, TestIds.New(), clock, log);
        await watch.StartAsync(default);
        await After(() => watch.Store?.EndsWith("takes no writes: not within 15 s", StringComparison.Ordinal) == true);
        for (var looks = 0; looks < 20; looks++)
        {
            clock.Advance(TimeSpan.FromSeconds(5));
            await Task.Delay(20);
        }
        Assert.Equal(1, store.Begun);
        Assert.NotNull(watch.Store);
        store.Hanging.SetResult();
        await After(() => watch.Store is null);
        Assert.InRange(store.Begun, 2, int.MaxValue);
        await watch.StopAsync(default);
    }

    private async Task Break(string how)
    {
        if (how == "read-only")
        {
            // the watch's own
            await Eventually.True(async () => (await Shell.Run("mount", "-o", "remount,ro", Disk)).ExitCode == 0,
                "no process has a file open to write");
        }
        else if (how == "full")
        {
            Assert.NotEqual(0, (await Shell.Run("sh", "-c", $"cat /dev/zero >> {Disk}/filler")).ExitCode);
        }
        else
        {
            Assert.NotEqual(0, (await Shell.Run("sh", "-c", $"for i in $(seq 100); do : > {Disk}/filler-$i || exit 1; done")).ExitCode);
        }
    }

    private async Task Mend(string how) =>
        (await (how == "read-only" ? Shell.Run("mount", "-o", "remount,rw", Disk) : Shell.Run("sh", "-c", $"rm {Disk}/filler*"))).Ok();

    private async Task<string?> Health(ObjectStore store, WriteWatch watch)
    {
        var identity = new StoreIdentity(store, "/nonexistent", StoreFounding.Free, TestIds.New(), clock,
            NullLogger<StoreIdentity>.Instance);
        using var stores = new StoreWatch(identity, new StoreProbe(store, TestIds.New()), store, clock, NullLogger<StoreWatch>.Instance);
        var context = new HealthCheckContext { Registration = new HealthCheckRegistration("store", _ => null!,
            HealthStatus.Unhealthy, null) };
        var result = await new StoreHealth(store, stores, watch).CheckHealthAsync(context);
        Assert.Equal(result.Description is null ? HealthStatus.Healthy : HealthStatus.Unhealthy, result.Status);
        return result.Description;
    }

    // The watch may not have set its timer yet.
    private Task After(Func<bool> comes) => Eventually.True(() =>
    {
        clock.Advance(TimeSpan.FromSeconds(5));
        return comes();
    }, "the watch looked again");

    private sealed class HangingStore(ObjectStore inner) : ObjectStore
    {
        private int begun;

        public TaskCompletionSource Hanging { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public int Begun => Volatile.Read(ref begun);
        public override string Name => inner.Name;
        public override TimeSpan WriteProbePeriod => TimeSpan.FromSeconds(5);

        public override async Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel)
        {
            Interlocked.Increment(ref begun);
            await Hanging.Task;
            return await inner.PutIfAbsent(key, body, cancel);
        }

        public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel) =>
            inner.PutIfMatch(key, body, etag, cancel);

        public override Task<StoredObject?> Get(string key, CancellationToken cancel) => inner.Get(key, cancel);

        public override IAsyncEnumerable<string> List(string prefix, string? after, CancellationToken cancel) =>
            inner.List(prefix, after, cancel);

        public override Task Delete(string key, CancellationToken cancel) => inner.Delete(key, cancel);
    }

    private sealed record Options : ServiceOptions
    {
        public Options(string state) => StateDirectory = state;
    }

    private sealed class RecordedLog : ILogger<WriteWatch>
    {
        public System.Collections.Concurrent.ConcurrentQueue<string> Lines { get; } = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue($"{logLevel} {eventId.Name} {formatter(state, exception)}");
    }
}
