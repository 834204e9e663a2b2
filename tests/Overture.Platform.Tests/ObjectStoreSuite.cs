using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>What every object store must do; each store runs all of it.</summary>
public abstract class ObjectStoreSuite
{
    /// <summary>A client of its own of the one store of this test.</summary>
    protected abstract ObjectStore Open();

    [Fact]
    public async Task GetUnless_SameVersionAnotherAndNone_TellsThemApart()
    {
        var store = Open();
        await store.PutIfAbsent("unless/x", Bytes("one"), default);
        var first = (await store.GetUnless("unless/x", "", default)).Found!;
        Assert.True((await store.GetUnless("unless/x", first.ETag, default)).Unchanged);
        Assert.Equal(PutOutcome.Stored, await store.PutIfMatch("unless/x", Bytes("two"), first.ETag, default));
        var second = await store.GetUnless("unless/x", first.ETag, default);
        Assert.False(second.Unchanged);
        Assert.Equal("two", System.Text.Encoding.UTF8.GetString(second.Found!.Body));
        await store.Delete("unless/x", default);
        Assert.Equal(new ConditionalGet(false, null), await store.GetUnless("unless/x", second.Found.ETag, default));
    }

    [Fact]
    public async Task PutIfAbsent_SecondWriter_Conflicts()
    {
        var store = Open();
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent("a/b", Bytes("first"), default));
        Assert.Equal(PutOutcome.Conflict, await store.PutIfAbsent("a/b", Bytes("second"), default));
        Assert.Equal("first", Encoding.ASCII.GetString((await store.Get("a/b", default))!.Body));
    }

    [Fact]
    public async Task PutIfAbsent_OneBodyTwice_TheSecondConflicts()
    {
        var store = Open();
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent("a/b", Bytes("same"), default));
        Assert.Equal(PutOutcome.Conflict, await store.PutIfAbsent("a/b", Bytes("same"), default));
    }

    [Fact]
    public async Task PutIfAbsent_RacingClients_HaveOneWinnerEach()
    {
        var clients = Enumerable.Range(0, 4).Select(_ => Open()).ToList();
        for (var round = 0; round < 10; round++)
        {
            var key = $"race/{round}";
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => clients[i % 4].PutIfAbsent(key, Bytes($"{i}"), default)));
            Assert.Single(outcomes, PutOutcome.Stored);
            Assert.Equal($"{Array.IndexOf(outcomes, PutOutcome.Stored)}",
                Encoding.ASCII.GetString((await clients[round % 4].Get(key, default))!.Body));
        }
    }

    [Theory]
    [InlineData(-1, 3), InlineData(0, 0), InlineData(1, 1), InlineData(2, 2)]
    public async Task PutInOrder_UpToTheFirstThatIsThere_AndNothingBehindIt(int there, int stored)
    {
        var store = Open();
        string[] keys = ["order/z", "order/below/y", "order/x"];
        if (there >= 0)
            await store.PutIfAbsent(keys[there], Bytes("first"), default);
        Assert.Equal(stored, await store.PutInOrder([.. keys.Select(k => new NewObject(k, Bytes(k)))], default));
        for (var i = 0; i < keys.Length; i++)
        {
            var body = (await store.Get(keys[i], default))?.Body;
            Assert.Equal(i < stored ? keys[i] : i == there ? "first" : null, body is null ? null : Encoding.ASCII.GetString(body));
        }
    }

    [Fact]
    public async Task PutInOrder_RacingClients_WhoHasTheFirstHasTheSecond()
    {
        var clients = Enumerable.Range(0, 4).Select(_ => Open()).ToList();
        for (var round = 0; round < 10; round++)
        {
            var (first, second) = ($"pair/{round}", $"pair/of/{round}");
            var stored = await Task.WhenAll(Enumerable.Range(0, 16).Select(i =>
                clients[i % 4].PutInOrder([new(first, Bytes($"{i}")), new(second, Bytes($"{i}"))], default)));
            Assert.Equal(2, Assert.Single(stored, n => n > 0));
            Assert.Equal((await clients[0].Get(first, default))!.Body, (await clients[1].Get(second, default))!.Body);
        }
    }

    [Fact]
    public async Task PutIfMatch_StaleVersion_ConflictsAndKeepsTheObject()
    {
        var store = Open();
        await store.PutIfAbsent("n", Bytes("1"), default);
        var one = (await store.Get("n", default))!;
        Assert.Equal(PutOutcome.Stored, await store.PutIfMatch("n", Bytes("2"), one.ETag, default));
        Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch("n", Bytes("3"), one.ETag, default));
        Assert.Equal("2", Encoding.ASCII.GetString((await store.Get("n", default))!.Body));
    }

    [Fact]
    public async Task PutIfMatch_MissingObject_Conflicts()
    {
        var store = Open();
        await store.PutIfAbsent("n", Bytes("1"), default);
        var etag = (await store.Get("n", default))!.ETag;
        Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch("other", Bytes("2"), etag, default));
        Assert.Null(await store.Get("other", default));
    }

    [Fact]
    public async Task PutIfMatch_Racing_LosesNoUpdate()
    {
        var clients = Enumerable.Range(0, 8).Select(_ => Open()).ToList();
        await clients[0].PutIfAbsent("count", Bytes("0"), default);
        async Task<(int Count, string ETag)> Read(ObjectStore store)
        {
            var now = (await store.Get("count", default))!;
            return (int.Parse(Encoding.ASCII.GetString(now.Body).Split(' ')[0]), now.ETag);
        }

        await Task.WhenAll(clients.Select(async (store, client) =>
        {
            for (var done = 0; done < 5;)
            {
                // Each write is one of its own, as by the write id of records: after an answer that was lost, the body tells whose it is.
                var (count, etag) = await Read(store);
                if (await store.PutIfMatch("count", Bytes($"{count + 1} {client} {done}"), etag, default) == PutOutcome.Stored)
                    done++;
            }
        }));
        Assert.Equal(40, (await Read(clients[0])).Count);
    }

    [Fact]
    public async Task Get_StoredBytes_AreTheSameWithTheirTime()
    {
        var store = Open();
        var body = Enumerable.Range(0, 70_000).Select(i => (byte)(i * 31)).ToArray();
        await store.PutIfAbsent("bytes", body, default);
        await store.PutIfAbsent("empty", ReadOnlyMemory<byte>.Empty, default);
        var stored = (await store.Get("bytes", default))!;
        Assert.Equal(body, stored.Body);
        Assert.InRange(TimeProvider.System.GetUtcNow() - stored.LastModified, TimeSpan.FromSeconds(-2), TimeSpan.FromSeconds(60));
        Assert.Empty((await store.Get("empty", default))!.Body);
        Assert.Null(await store.Get("none", default));
    }

    [Fact]
    public async Task List_AfterKey_IsOrdinalAndOfThePrefixAlone()
    {
        var store = Open();
        foreach (var key in new[] { "p/b", "p/a/z", "p/B", "q/x", "px" })
            await store.PutIfAbsent(key, Bytes(""), default);
        Assert.Equal(["p/B", "p/a/z", "p/b"], await store.List("p/", null, default).ToListAsync());
        Assert.Equal(["p/b"], await store.List("p/", "p/a/z", default).ToListAsync());
        Assert.Empty(await store.List("none/", null, default).ToListAsync());
        Assert.False(await store.Any("none/", default));
    }

    [Fact]
    public async Task Delete_Object_IsGoneAndMayBeMadeAgain()
    {
        var store = Open();
        await store.PutIfAbsent("d/x", Bytes("1"), default);
        var etag = (await store.Get("d/x", default))!.ETag;
        await store.Delete("d/x", default);
        await store.Delete("d/x", default);
        Assert.Null(await store.Get("d/x", default));
        Assert.False(await store.Any("d/", default));
        Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch("d/x", Bytes("2"), etag, default));
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent("d/x", Bytes("3"), default));
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("a//b")]
    [InlineData("/etc/passwd")]
    [InlineData("a/.tmp")]
    [InlineData("a b")]
    public async Task AnyCall_KeyOutsideTheGrammar_IsRefused(string key)
    {
        var store = Open();
        Assert.Equal(FaultKind.Invalid, (await Assert.ThrowsAsync<FaultException>(async () => await store.Get(key, default))).Kind);
        await Assert.ThrowsAsync<FaultException>(async () => await store.PutIfAbsent(key, Bytes(""), default));
        await Assert.ThrowsAsync<FaultException>(async () => await store.Delete(key, default));
    }

    [Fact]
    public async Task Probe_Store_KeepsItsPromises()
    {
        var store = Open();
        var full = Full.Asked;
        await new StoreProbe(store, TestIds.New()).Run(rounds: full ? 200 : 5, writers: full ? 64 : 32, default);
        Assert.Empty(await store.List(ObjectKeys.Probes, null, default).ToListAsync());
    }

    protected static ReadOnlyMemory<byte> Bytes(string text) => Encoding.ASCII.GetBytes(text);
}
