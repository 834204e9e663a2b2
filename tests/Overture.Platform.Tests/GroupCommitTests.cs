using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Writers share syncs; none gets "stored" before a sync that began after its last write has ended.</summary>
public sealed class GroupCommitTests : IDisposable
{
    private readonly TempDirectory directory = new();
    private readonly DirectoryStore store;

    public GroupCommitTests() => store = DirectoryStore.At(directory.Path);

    [Fact]
    public async Task PutIfAbsent_ManyWritersAtOnce_EachIsStoredAndSyncsAreShared()
    {
        const int writers = 64;
        await Task.WhenAll(Enumerable.Range(0, writers).Select(i => Task.Run(async () =>
            Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent($"many/{i % 8}/{i}", Bytes($"body {i}"), default)))));
        for (var i = 0; i < writers; i++)
            Assert.Equal($"body {i}", await Text($"many/{i % 8}/{i}"));
        Assert.Equal(writers, (await store.List("many/", null, default).ToListAsync()).Count);
        Assert.InRange(store.Sync.Rounds.Ended, 2, writers); // two a writer, were none shared
        Assert.Empty(Directory.GetFiles(directory.File(".tmp")));
    }

    [Fact]
    public async Task PutIfAbsent_Acknowledged_TwoSyncsBeganAfterTheCallAndEnded()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(lane => Task.Run(async () =>
        {
            for (var i = 0; i < 20; i++)
            {
                var begun = Interlocked.Read(ref store.Sync.Rounds.Begun);
                await store.PutIfAbsent($"lane{lane}/{i}", Bytes("x"), default);
                var ended = Interlocked.Read(ref store.Sync.Rounds.Ended);
                Assert.True(ended >= begun + 2, $"begun before the call: {begun}, ended at its end: {ended}");
            }
        })));
    }

    [Fact]
    public async Task PutInOrder_Three_WaitForTheDiskTwiceAndAsOneWriter()
    {
        var together = 0;
        store.Sync.Before = all => together += all ? 1 : 0;
        Assert.Equal(3, await store.PutInOrder([new("a/1", Bytes("x")), new("b/2", Bytes("y")), new("c/d/3", Bytes("z"))], default));
        Assert.Equal((2L, 0), (store.Sync.Rounds.Ended, together)); // alone: no dependence on what other programs write
        Assert.Equal(["x", "y", "z"], [await Text("a/1"), await Text("b/2"), await Text("c/d/3")]);
        Assert.Empty(Directory.GetFiles(directory.File(".tmp")));
    }

    [Fact]
    public async Task PutInOrder_SyncOfTheNamesFails_NobodyIsToldStored()
    {
        var syncs = 0;
        store.Sync.Before = _ =>
        {
            if (++syncs > 3)
                throw new IOException("Input/output error");
        };
        var put = store.PutInOrder([new("a/1", Bytes("x")), new("b/2", Bytes("y")), new("c/3", Bytes("z"))], default);
        Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(() => put)).Kind);
        // They can be read, and who asks learns that they may not stay.
        Assert.Equal("z", await Text("c/3"));
        await Assert.ThrowsAsync<FaultException>(() => store.MakeDurable(["a/1", "c/3"], default));
        store.Sync.Before = null;
        await store.MakeDurable(["a/1", "c/3"], default);
        Assert.Empty(Directory.GetFiles(directory.File(".tmp")));
    }

    [Fact]
    public async Task PutIfAbsent_SyncOfTheBytesIsRunning_TheKeyIsNotThereYet()
    {
        var (syncing, go) = (new SemaphoreSlim(0), new SemaphoreSlim(0));
        store.Sync.Before = _ => { syncing.Release(); go.Wait(); };
        var put = store.PutIfAbsent("a/b", Bytes("x"), default);
        await syncing.WaitAsync();
        Assert.Null(await store.Get("a/b", default));
        Assert.False(put.IsCompleted);
        // The second: the key is linked, and still no writer has an answer.
        go.Release();
        await syncing.WaitAsync();
        Assert.Equal("x", await Text("a/b"));
        Assert.False(put.IsCompleted);
        store.Sync.Before = null;
        go.Release(100);
        Assert.Equal(PutOutcome.Stored, await put);
    }

    [Fact]
    public async Task PutIfAbsent_ConflictWithAWriterThatStillWaits_IsToldAfterASyncOfItsOwn()
    {
        await store.PutIfAbsent("a/b", Bytes("first"), default);
        var before = store.Sync.Rounds.Ended;
        Assert.Equal(PutOutcome.Conflict, await store.PutIfAbsent("a/b", Bytes("second"), default));
        Assert.True(store.Sync.Rounds.Ended > before);
        Assert.Equal("first", await Text("a/b"));
    }

    [Theory]
    [InlineData(1)] // of its own
    [InlineData(12)] // shared: the syncfs fails, then each for itself
    public async Task PutIfAbsent_SyncOfTheBytesFails_NobodyIsToldStoredAndNoKeyIsThere(int writers)
    {
        store.Sync.Before = _ => throw new IOException("Input/output error");
        var puts = Enumerable.Range(0, writers).Select(i => Task.Run(() => store.PutIfAbsent($"bad/{i}", Bytes("x"), default))).ToList();
        foreach (var put in puts)
            Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(() => put)).Kind);
        Assert.Empty(await store.List("bad/", null, default).ToListAsync());
        Assert.Empty(Directory.GetFiles(directory.File(".tmp")));
        // And it goes on when the disk does.
        store.Sync.Before = null;
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent("bad/0", Bytes("x"), default));
    }

    [Fact]
    public async Task PutIfAbsent_SharedSyncFails_WhoWaitedForBytesFindsOutForHimself()
    {
        var failed = 0;
        using var all = new SemaphoreSlim(0);
        store.Sync.Before = together =>
        {
            all.Wait(); // until the nine are there, so that some must share
            if (together && Interlocked.Exchange(ref failed, 1) == 0)
                throw new IOException("another program's file");
        };
        var puts = Enumerable.Range(0, 9).Select(i => store.PutIfAbsent($"others/{i}", Bytes("x"), default)).ToList();
        all.Release(1000);
        var stored = 0;
        foreach (var put in puts)
        {
            // Who waited for a name can't know; who waited for bytes can.
            await put.ContinueWith(_ => { }, TaskScheduler.Default);
            stored += put.IsCompletedSuccessfully && await put == PutOutcome.Stored ? 1 : 0;
        }
        Assert.InRange(stored, 8, 9);
        Assert.Equal(1, failed);
    }

    [Fact]
    public async Task Get_NothingThere_IsNullWhateverIsMissing()
    {
        await store.PutIfAbsent("a/b", Bytes(""), default);
        Assert.Null(await store.Get("a/c", default));
        Assert.Null(await store.Get("x/y/z", default));
        Assert.Null(await store.Get("a/b/c", default)); // below an object
        Assert.Equal("", await Text("a/b"));
    }

    [Fact]
    public async Task Get_LargeObject_IsWholeAndDated()
    {
        var body = Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31)).ToArray();
        await store.PutIfAbsent("ca/crl/large", body, default);
        var found = (await store.Get("ca/crl/large", default))!;
        Assert.Equal(body, found.Body);
        Assert.Equal(File.GetLastWriteTimeUtc(directory.File("ca/crl/large")), found.LastModified.UtcDateTime);
    }

    public void Dispose() => directory.Dispose();

    private async Task<string> Text(string key) => Encoding.ASCII.GetString((await store.Get(key, default))!.Body);

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.ASCII.GetBytes(text);
}
