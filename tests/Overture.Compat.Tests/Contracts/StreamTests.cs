namespace Overture.Compat.Tests.Contracts;

public sealed class StreamTests
{
    [Fact]
    public async Task WriteAsync_TokenThatCannotBeCancelled_WritesTheMessage()
    {
        var writer = new PlainWriter();
        IAsyncStreamWriter<string> stream = writer;

        await stream.WriteAsync("one", CancellationToken.None);

        Assert.Equal(["one"], writer.Written);
    }

    [Fact]
    public async Task WriteAsync_TokenThatCanBeCancelled_IsNotSupportedByDefault()
    {
        var writer = new PlainWriter();
        IAsyncStreamWriter<string> stream = writer;
        using var source = new CancellationTokenSource();

        await Assert.ThrowsAsync<NotSupportedException>(() => stream.WriteAsync("one", source.Token));

        Assert.Empty(writer.Written);
    }

    [Fact]
    public async Task MoveNext_WithoutAToken_ReadsWithNone()
    {
        var reader = new ListReader("one");

        Assert.True(await reader.MoveNext());
        Assert.Equal("one", reader.Current);
        Assert.False(await reader.MoveNext());
        Assert.All(reader.Tokens, token => Assert.False(token.CanBeCanceled));
    }

    [Fact]
    public async Task ReadAllAsync_Twice_FindsNothingTheSecondTime()
    {
        var reader = new ListReader("one", "two");

        Assert.Equal(["one", "two"], await reader.ReadAllAsync().ToListAsync());
        Assert.Empty(await reader.ReadAllAsync().ToListAsync());
    }

    [Fact]
    public async Task ReadAllAsync_TokenCancelled_ReachesTheReader()
    {
        using var source = new CancellationTokenSource();
        var reader = new ListReader("one");
        await source.CancelAsync();

        await reader.ReadAllAsync(source.Token).ToListAsync();

        Assert.All(reader.Tokens, token => Assert.True(token.IsCancellationRequested));
    }

    /// <summary>Has no write with a token of its own, as one class of the shipped client has not.</summary>
    private sealed class PlainWriter : IAsyncStreamWriter<string>
    {
        public List<string> Written { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(string message)
        {
            Written.Add(message);
            return Task.CompletedTask;
        }
    }

    private sealed class ListReader(params string[] items) : IAsyncStreamReader<string>
    {
        private int next;

        public List<CancellationToken> Tokens { get; } = [];

        public string Current => items[next - 1];

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            Tokens.Add(cancellationToken);
            return Task.FromResult(next < items.Length && ++next > 0);
        }
    }
}
