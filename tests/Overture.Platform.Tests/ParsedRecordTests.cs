using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>
/// Parsing is saved, the store is asked all the same: no caller sees another's changes, nor what the store does not hold any more.
/// </summary>
public sealed class ParsedRecordTests : IDisposable
{
    private readonly TempDirectory directory = new();
    private readonly DirectoryStore store;

    public ParsedRecordTests() => store = DirectoryStore.At(directory.Path);

    [Fact]
    public async Task Get_RecordChangedByItsReader_NextReaderSeesTheStored()
    {
        var written = new Claim { Schema = 1, Serial = "01", Grant = new Grant { DnsAltNames = { "a.example" } } };
        await store.PutIfAbsent("claim", written, default);
        written.Serial = "changed by its writer";
        var first = (await store.Get<Claim>("claim", default))!;
        Assert.Equal("01", first.Serial);
        first.Grant.DnsAltNames.Add("b.example");
        Assert.Equal(["a.example"], (await store.Get<Claim>("claim", default))!.Grant.DnsAltNames);
    }

    [Fact]
    public async Task Get_ObjectChangedOrGoneInTheStore_IsSeenAtOnce()
    {
        await store.PutIfAbsent("block", new Block { Schema = 1, Sentence = "one" }, default);
        Assert.Equal("one", (await store.Get<Block>("block", default))!.Sentence);
        await File.WriteAllTextAsync(directory.File("block"), """{ "schema": 1, "sentence": "two" }""");
        Assert.Equal("two", (await store.Get<Block>("block", default))!.Sentence);
        await File.WriteAllTextAsync(directory.File("block"), "damaged");
        await Assert.ThrowsAsync<UnreadableObjectException>(() => store.Get<Block>("block", default));
        await store.Delete("block", default);
        Assert.Null(await store.Get<Block>("block", default));
    }

    [Fact]
    public async Task Get_SameBytesAsAnotherKindOfRecord_IsParsedAsWhatWasAskedFor()
    {
        await store.PutIfAbsent("x", new Block { Schema = 1, Certname = "a" }, default);
        Assert.Equal("a", (await store.Get<Block>("x", default))!.Certname);
        Assert.Equal("a", (await store.Get<Claim>("x", default))!.Certname);
    }

    [Fact]
    public void Recent_MoreThanItHolds_KeepsTheLatestAndWhatWasAskedFor()
    {
        var recent = new BoundedCache<int, int>(10);
        for (var i = 0; i < 1000; i++)
        {
            recent.Add(i, i);
            Assert.True(recent.TryGet(0, out _));
        }
        Assert.All(Enumerable.Range(991, 9), i => Assert.True(recent.TryGet(i, out _)));
        Assert.False(recent.TryGet(500, out _));
    }

    public void Dispose() => directory.Dispose();
}
