namespace Overture.Compat.Tests.Contracts;

public sealed class ServerCallContextTests
{
    [Fact]
    public void UserState_NotOverridden_IsOneDictionaryForTheCall()
    {
        ServerCallContext context = new ContextOfATest();

        context.UserState["who"] = "caller";

        Assert.Equal("caller", context.UserState["who"]);
        Assert.Empty(new ContextOfATest().UserState);
    }

    [Fact]
    public async Task PublicMembers_AllOfThem_ForwardToTheCores()
    {
        var context = new ContextOfATest();
        ServerCallContext call = context;
        var headers = new Metadata();
        var writes = new WriteOptions(WriteFlags.BufferHint);

        call.Status = Status.DefaultCancelled;
        call.WriteOptions = writes;
        await call.WriteResponseHeadersAsync(headers);

        Assert.Same(headers, context.SentHeaders);
        Assert.Equal(StatusCode.Cancelled, call.Status.StatusCode);
        Assert.Same(writes, call.WriteOptions);
        Assert.Equal(("method", "host", "peer", DateTime.MaxValue), (call.Method, call.Host, call.Peer, call.Deadline));
        Assert.Equal(["request"], call.RequestHeaders.Select(entry => entry.Key));
        Assert.Equal(["trailer"], call.ResponseTrailers.Select(entry => entry.Key));
        Assert.True(call.CancellationToken.IsCancellationRequested);
        Assert.Equal("property", call.AuthContext.PeerIdentityPropertyName);
        Assert.Throws<NotSupportedException>(() => call.CreatePropagationToken(ContextPropagationOptions.Default));
    }

    private sealed class ContextOfATest : ServerCallContext
    {
        public Metadata? SentHeaders { get; private set; }

        protected override string MethodCore => "method";

        protected override string HostCore => "host";

        protected override string PeerCore => "peer";

        protected override DateTime DeadlineCore => DateTime.MaxValue;

        protected override Metadata RequestHeadersCore { get; } = new() { { "request", "" } };

        protected override CancellationToken CancellationTokenCore => new(true);

        protected override Metadata ResponseTrailersCore { get; } = new() { { "trailer", "" } };

        protected override Status StatusCore { get; set; }

        protected override WriteOptions? WriteOptionsCore { get; set; }

        protected override AuthContext AuthContextCore { get; } = new("property", []);

        protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
        {
            SentHeaders = responseHeaders;
            return Task.CompletedTask;
        }

        protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
            throw new NotSupportedException();
    }
}
