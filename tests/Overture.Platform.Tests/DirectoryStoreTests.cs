using System.Diagnostics;
using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

public sealed class DirectoryStoreTests : IDisposable
{
    private readonly TempDirectory directory = new();

    [Fact]
    public async Task PutIfAbsent_SecondWriter_Conflicts()
    {
        var store = DirectoryStore.At(directory.Path);
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent("a/b", Bytes("first"), default));
        Assert.Equal(PutOutcome.Conflict, await store.PutIfAbsent("a/b", Bytes("second"), default));
        Assert.Equal("first", Encoding.ASCII.GetString((await store.Get("a/b", default))!.Body));
    }

    [Fact]
    public async Task PutIfMatch_StaleVersion_ConflictsAndKeepsTheObject()
    {
        var store = DirectoryStore.At(directory.Path);
        await store.PutIfAbsent("n", Bytes("1"), default);
        var one = (await store.Get("n", default))!;
        Assert.Equal(PutOutcome.Stored, await store.PutIfMatch("n", Bytes("2"), one.ETag, default));
        Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch("n", Bytes("3"), one.ETag, default));
        Assert.Equal("2", Encoding.ASCII.GetString((await store.Get("n", default))!.Body));
    }

    [Fact]
    public async Task PutIfMatch_Racing_LosesNoUpdate()
    {
        var store = DirectoryStore.At(directory.Path);
        await store.PutIfAbsent("count", Bytes("0"), default);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (var done = 0; done < 25;)
            {
                var now = (await store.Get("count", default))!;
                var next = Bytes((int.Parse(Encoding.ASCII.GetString(now.Body)) + 1).ToString());
                if (await store.PutIfMatch("count", next, now.ETag, default) == PutOutcome.Stored)
                    done++;
            }
        }));
        Assert.Equal("200", Encoding.ASCII.GetString((await store.Get("count", default))!.Body));
    }

    [Fact]
    public async Task List_AfterKey_IsOrdinalAndWithoutTemporaryFiles()
    {
        var store = DirectoryStore.At(directory.Path);
        foreach (var key in new[] { "p/b", "p/a/z", "p/B", "q/x" })
            await store.PutIfAbsent(key, Bytes(""), default);
        Assert.Equal(["p/B", "p/a/z", "p/b"], await store.List("p/", null, default).ToListAsync());
        Assert.Equal(["p/b"], await store.List("p/", "p/a/z", default).ToListAsync());
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
        var store = DirectoryStore.At(directory.Path);
        await Assert.ThrowsAsync<FaultException>(() => store.Get(key, default));
        await Assert.ThrowsAsync<FaultException>(() => store.PutIfAbsent(key, Bytes(""), default));
    }

    [Fact]
    public async Task Probe_DirectoryStore_KeepsItsPromises()
    {
        var store = DirectoryStore.At(directory.Path);
        await new StoreProbe(store, TestIds.New()).Run(rounds: 5, writers: 32, default);
        Assert.Empty(await store.List(ObjectKeys.Probes, null, default).ToListAsync());
    }

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
        var rounds = Environment.GetEnvironmentVariable("OVERTURE_FULL") == "1" ? 20_000 : 500;
        var racers = Enumerable.Range(0, 4).Select(i => StartRacer(rounds, $"racer-{i}")).ToList();
        await Eventually.True(() => Directory.GetFiles(directory.Path, ".ready-*").Length == 4, "all racers are ready", TimeSpan.FromSeconds(30));
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

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.ASCII.GetBytes(text);

    // A store that takes If-None-Match and forgets about it, as several in the field do.
    private sealed class CarelessStore(ObjectStore inner) : ObjectStore
    {
        public override string Name => "careless";

        public override async Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel)
        {
            await inner.PutIfAbsent(key, body, cancel);
            return PutOutcome.Stored;
        }

        public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel) => inner.PutIfMatch(key, body, etag, cancel);

        public override Task<StoredObject?> Get(string key, CancellationToken cancel) => inner.Get(key, cancel);

        public override IAsyncEnumerable<string> List(string prefix, string? after, CancellationToken cancel) => inner.List(prefix, after, cancel);

        public override Task Delete(string key, CancellationToken cancel) => inner.Delete(key, cancel);
    }

    // Deletes of one folder's last objects, while others list and put there: nobody sees an outage.
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
