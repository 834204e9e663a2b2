using System.Text;
using Overture.Platform.Records;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Options;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Issue 12, 24 and 26: objects of any size, and objects that are no records.</summary>
public sealed class UnreadableObjectTests : IDisposable
{
    private readonly TempDirectory directory = new();
    private readonly List<UnreadableObjectException> said = [];

    [Theory]
    [InlineData("nodes/n", 256 * 1024)]
    [InlineData("ca/claims/n/1", 256 * 1024)]
    [InlineData("ca/crl/00000000000000000001", 64 * 1024 * 1024)]
    [InlineData("anything/else", 256 * 1024)]
    public async Task Get_SparseObjectOf2GiB_IsRefusedByItsSizeAndCostsNoMemory(string key, int most)
    {
        var store = Open();
        await MakeFile(key, 2L << 30);
        UnreadableObjectException unreadable = null!;
        const long Most = 4 << 20;
        Assert.InRange(await AllocatedMemory.Least(Most, async () =>
        {
            said.Clear();
            unreadable = await Assert.ThrowsAsync<UnreadableObjectException>(() => store.Get(key, default));
            Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch(key, new byte[] { 1 }, "another", default));
        }), 0, Most);
        Assert.StartsWith($"the object {key} has 2147483648 bytes, and at most {most} are read", unreadable.Message,
            StringComparison.Ordinal);
        Assert.Equal(key, Assert.Single(said).Key);
    }

    [Fact]
    public async Task Get_ObjectAtItsLimit_IsReadAndOneByteMoreIsNeitherReadNorWritten()
    {
        var store = Open();
        await MakeFile("nodes/n", 256 * 1024);
        Assert.Equal(256 * 1024, (await store.Get("nodes/n", default))!.Body.Length);
        await MakeFile("nodes/m", (256 * 1024) + 1);
        await Assert.ThrowsAsync<UnreadableObjectException>(() => store.Get("nodes/m", default));
        Assert.Equal(Reason.TooLarge, (await Assert.ThrowsAsync<FaultException>(() =>
            store.PutIfAbsent("nodes/o", (ReadOnlyMemory<byte>)new byte[(256 * 1024) + 1], default))).Reason);
    }

    [Fact]
    public async Task PutIfMatch_ByTheVersionOfWhatIsTooLarge_ReplacesIt()
    {
        var store = Open();
        await MakeFile("nodes/n", (256 * 1024) + 1);
        var version = (await Assert.ThrowsAsync<UnreadableObjectException>(() => store.Get("nodes/n", default))).Version;

        Assert.Equal(PutOutcome.Stored, await store.PutIfMatch("nodes/n", new byte[] { 1 }, version, default));

        Assert.Equal([1], (await store.Get("nodes/n", default))!.Body);
        Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch("nodes/n", new byte[] { 2 }, version, default));
    }

    // The same for files that options name.
    [Fact]
    public async Task Options_FilesOf2GiB_AreRefused()
    {
        await MakeFile("huge", 2L << 30);
        Assert.Contains("has 2147483648 bytes, and at most 1048576 are read", OptionRules.FileProblem(directory.File("huge")),
            StringComparison.Ordinal);
        Assert.Contains("at most 262144 are read", Assert.Throws<FaultException>(() =>
            OptionsFile.Load<Nothing>("classifier", directory.File("huge"))).Message, StringComparison.Ordinal);
    }

    private sealed record Nothing : ServiceOptions;

    [Fact]
    public async Task Get_PipeInPlaceOfAnObject_IsNotWaitedFor()
    {
        var store = Open();
        Directory.CreateDirectory(directory.File("nodes"));
        (await Shell.Run("mkfifo", directory.File("nodes/n"))).Ok();
        Assert.EndsWith("is no regular file", (await Assert.ThrowsAsync<UnreadableObjectException>(() => store.Get("nodes/n", default)
            .WaitAsync(TimeSpan.FromSeconds(60)))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Get_S3ObjectWithoutEnd_IsRefusedByItsLengthOrWhileItComes(bool announced)
    {
        await using var server = await S3Double.Start();
        var sent = 0L;
        server.BeforeGet = async (key, context) =>
        {
            context.Response.Headers.ETag = "\"00112233445566778899aabbccddeeff\"";
            if (announced)
                context.Response.ContentLength = 2L << 30;
            for (var piece = new byte[64 * 1024]; !context.RequestAborted.IsCancellationRequested && sent < 1 << 30; sent += piece.Length)
                await context.Response.Body.WriteAsync(piece, context.RequestAborted);
            return true;
        };
        using var store = server.Open();
        var unreadable = await Assert.ThrowsAsync<UnreadableObjectException>(() => store.Get("nodes/n", default));
        Assert.Contains("at most 262144 are read", unreadable.Message, StringComparison.Ordinal);
        Assert.Equal("\"00112233445566778899aabbccddeeff\"", unreadable.Version);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("{\"certname\": \"a\", \"cl", "is damaged: a stored Claim does not parse")]
    [InlineData("null", "is damaged")]
    [InlineData("[]", "is damaged")]
    [InlineData("\0\0\0\0", "is damaged")]
    [InlineData("-----BEGIN CERTIFICATE-----", "is damaged")]
    [InlineData("{\"claimedAt\": \"yesterday\"}", "is damaged")]
    [InlineData("{\"tbs\": \"not base64!\"}", "is damaged")]
    public async Task Get_NoClaim_IsUnreadableByItsKey(string body, string why)
    {
        var store = Open();
        await store.PutIfAbsent("ca/claims/n.example/1", (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(body), default);
        var unreadable = await Assert.ThrowsAsync<UnreadableObjectException>(() => store.Get<Claim>("ca/claims/n.example/1", default));
        Assert.StartsWith("the object ca/claims/n.example/1 " + why, unreadable.Message, StringComparison.Ordinal);
        Assert.Equal(unreadable, Assert.Single(said));

        var fault = FaultException.Of(unreadable)!;
        Assert.Equal((FaultKind.Unreadable, Reason.ObjectUnreadable), (fault.Kind, fault.Reason));
        Assert.DoesNotContain("ca/claims", fault.PublicMessage, StringComparison.Ordinal);
    }

    // A loop of links: what the operating system says, and where, is for the log.
    [Fact]
    public async Task Get_DiskFault_ItsErrnoIsNotForEverybody()
    {
        var store = Open();
        Directory.CreateDirectory(directory.File("nodes"));
        File.CreateSymbolicLink(directory.File("nodes/n"), directory.File("nodes/n"));
        var fault = await Assert.ThrowsAsync<FaultException>(() => store.Get("nodes/n", default));
        Assert.Contains("Too many levels of symbolic links", fault.Message, StringComparison.Ordinal);
        Assert.Equal("the object store does not answer; nothing is lost, try again", fault.PublicMessage);
    }

    public void Dispose() => directory.Dispose();

    private DirectoryStore Open()
    {
        var store = DirectoryStore.At(directory.Path);
        store.UnreadableFound += said.Add;
        return store;
    }

    private async Task MakeFile(string key, long size)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(directory.File(key))!);
        await using var file = File.Create(directory.File(key));
        file.SetLength(size);
    }
}
