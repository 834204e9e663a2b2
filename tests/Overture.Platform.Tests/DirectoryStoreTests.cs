using System.Diagnostics;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

public sealed class DirectoryStoreTests : ObjectStoreSuite, IDisposable
{
    private readonly TempDirectory directory = new();

    protected override ObjectStore Open() => DirectoryStore.At(directory.Path);

    [Fact]
    public async Task Probe_StoreThatIgnoresTheCondition_IsRefused()
    {
        var refused = await Assert.ThrowsAsync<FaultException>(() =>
            new StoreProbe(new CarelessStore(DirectoryStore.At(directory.Path)), TestIds.New()).Run(rounds: 1, writers: 8, default));
        Assert.Contains("racing creators", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task PutIfAbsent_FromSeveralProcesses_HasOneWinnerEach()
    {
        var rounds = Full.Length(500, 20_000);
        var racers = Enumerable.Range(0, 4).Select(i => StartRacer(rounds, $"racer-{i}")).ToList();
        await Eventually.True(() => Directory.GetFiles(directory.Path, ".ready-*").Length == 4, "all racers are ready");
        await File.WriteAllTextAsync(directory.File(".go"), "");
        var won = new List<string>();
        foreach (var racer in racers)
        {
            won.AddRange((await racer.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries));
            await racer.WaitForExitAsync();
            Assert.Equal(0, racer.ExitCode);
            racer.Dispose();
        }
        Assert.Equal(rounds, won.Count);
        Assert.Equal(rounds, won.Distinct().Count());
    }

    public void Dispose() => directory.Dispose();

    private Process StartRacer(int rounds, string name) => Process.Start(new ProcessStartInfo("dotnet")
    {
        ArgumentList = { RepositoryPaths.Output("tests/StoreRacer", "Overture.StoreRacer.dll"), directory.Path, rounds.ToString(), name },
        RedirectStandardOutput = true,
    })!;

    // A store that takes If-None-Match and forgets about it, as several in the field do.
    private sealed class CarelessStore(ObjectStore inner) : ObjectStore
    {
        public override string Name => "careless";

        public override async Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel)
        {
            await inner.PutIfAbsent(key, body, cancel);
            return PutOutcome.Stored;
        }

        public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel) =>
            inner.PutIfMatch(key, body, etag, cancel);

        public override Task<StoredObject?> Get(string key, CancellationToken cancel) => inner.Get(key, cancel);

        public override IAsyncEnumerable<string> List(string prefix, string? after, CancellationToken cancel) =>
            inner.List(prefix, after, cancel);

        public override Task Delete(string key, CancellationToken cancel) => inner.Delete(key, cancel);
    }

    // A kill between the temporary file and its name leaves the file; a writer that sleeps for hours has stored nothing.
    [Fact]
    public async Task Tidy_LeftoversOfKills_AreRemovedAndLivingWritersAreNot()
    {
        var store = DirectoryStore.At(directory.Path);
        var now = TimeProvider.System.GetUtcNow();
        foreach (var (name, age) in new[] { ("killed-1", 7), ("killed-2", 100), ("slow-1", 5), ("young-1", 0), ("lock", 100) })
        {
            await File.WriteAllTextAsync(directory.File(".tmp/" + name), "half a record");
            File.SetLastWriteTimeUtc(directory.File(".tmp/" + name), now.UtcDateTime.AddHours(-age));
        }
        Assert.Equal(2, await store.Tidy(now, default));
        Assert.Equal(["lock", "slow-1", "young-1"], Directory.GetFiles(directory.File(".tmp")).Select(Path.GetFileName)
            .Order(StringComparer.Ordinal));

        // The writer whose file went while it slept.
        store.Sync.Before = _ => Array.ForEach(Directory.GetFiles(directory.File(".tmp")), File.Delete);
        Assert.Equal(FaultKind.Unavailable,
            (await Assert.ThrowsAsync<FaultException>(() => store.PutIfAbsent("a/b", Bytes("x"), default))).Kind);
        store.Sync.Before = null;
        Assert.Null(await store.Get("a/b", default));
    }

    // Deletes of one folder's last objects, while others list and put there: none sees an outage.
    [Fact]
    public async Task Delete_ListAndPutAtOnce_NobodyFails()
    {
        var store = DirectoryStore.At(directory.Path);
        await Parallel.ForAsync(0, 600, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, cancel) =>
        {
            const string key = "held/name/key";
            await store.PutIfAbsent(key, Bytes("x"), cancel);
            await foreach (var _ in store.List("held/", null, cancel))
            {
            }
            await store.Delete(key, cancel);
        });
        Assert.False(await store.Any("held/", default));
    }
}
