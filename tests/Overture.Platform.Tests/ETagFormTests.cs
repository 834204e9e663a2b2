using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>How the probe finds the form of ETags that a server compares, and what it does where there is none.</summary>
public sealed class ETagFormTests
{
    private static readonly byte[] One = Encoding.ASCII.GetBytes("1"), Two = Encoding.ASCII.GetBytes("2");

    [Theory]
    [InlineData(Lies.None, ETagForm.Quoted), InlineData(Lies.WantsBareETags, ETagForm.Bare)]
    public async Task Probe_HonestServer_SetsItsFormAndWritesGoOn(Lies how, ETagForm form)
    {
        await using var server = await S3Double.Start(how);
        using var store = server.Open();
        await new StoreProbe(store, TestIds.New()).Run(rounds: 2, writers: 8, default);
        Assert.Equal(form, store.ETagForm);
        await store.PutIfAbsent("n", One, default);
        var etag = (await store.Get("n", default))!.ETag;
        Assert.Equal(PutOutcome.Stored, await store.PutIfMatch("n", Two, etag, default));
        Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch("n", One, etag, default));
    }

    // It takes the bare form, but as no condition at all; its quoted one it never takes.
    [Fact]
    public async Task Probe_ServerThatComparesNoBareETag_IsRefusedAndTheFormIsNotKept()
    {
        await using var server = await S3Double.Start(Lies.WantsBareETags | Lies.IgnoresBareETags);
        using var store = server.Open();
        var refused = await Assert.ThrowsAsync<FaultException>(() => new StoreProbe(store, TestIds.New())
            .Run(rounds: 1, writers: 8, default));
        Assert.Contains("a write against a stale version was taken", refused.Message, StringComparison.Ordinal);
        Assert.Equal(ETagForm.Quoted, store.ETagForm);
    }

    // An upgrade of the server, or another behind the name: the next probe finds the new form. A check only reports it.
    [Fact]
    public async Task Probe_ServerThatChanges_FindsItsNewForm()
    {
        await using var server = await S3Double.Start(Lies.WantsBareETags);
        using var store = server.Open();
        var probe = new StoreProbe(store, TestIds.New());
        await probe.Run(rounds: 1, writers: 4, default);
        Assert.Equal(ETagForm.Bare, store.ETagForm);
        server.Lies = Lies.None;
        var seen = await probe.Check(writers: 4, default);
        Assert.All(seen.Promises, p => Assert.True(p.Kept, p.Detail));
        Assert.Equal((ETagForm.Quoted, ETagForm.Bare), (seen.Form, store.ETagForm));
        await probe.Run(rounds: 1, writers: 4, default);
        Assert.Equal(ETagForm.Quoted, store.ETagForm);
    }
}
