namespace Overture.Compat.Tests.Contracts;

public sealed class CredentialsTests
{
    private static readonly AsyncAuthInterceptor First = (_, _) => Task.CompletedTask;
    private static readonly AsyncAuthInterceptor Second = (_, metadata) => Task.FromResult(metadata);

    [Fact]
    public void Compose_TwoCredentials_PassesBothInOrder()
    {
        var first = CallCredentials.FromInterceptor(First);
        var second = CallCredentials.FromInterceptor(Second);
        var seen = new SeenCallCredentials();

        CallCredentials.Compose(first, second).InternalPopulateConfiguration(seen, "state");

        Assert.Equal([first, second], seen.Composite);
        Assert.Equal("state", seen.State);
    }

    [Fact]
    public void Compose_OneCredential_Throws() =>
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(CallCredentials.FromInterceptor(First)));

    [Fact]
    public void FromInterceptor_Configured_PassesTheInterceptor()
    {
        var seen = new SeenCallCredentials();

        CallCredentials.FromInterceptor(First).InternalPopulateConfiguration(seen, "state");

        Assert.Same(First, seen.Interceptor);
        Assert.Null(seen.Composite);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Create_ChannelAndCall_PassesBothParts(bool secure)
    {
        var channel = secure ? ChannelCredentials.SecureSsl : ChannelCredentials.Insecure;
        var call = CallCredentials.FromInterceptor(First);
        var seen = new SeenChannelCredentials();

        ChannelCredentials.Create(channel, call).InternalPopulateConfiguration(seen, "state");

        Assert.Equal(["composite", "state", channel, call], seen.Arguments);
    }

    [Fact]
    public void Insecure_Configured_SaysSo()
    {
        var seen = new SeenChannelCredentials();

        ChannelCredentials.Insecure.InternalPopulateConfiguration(seen, "state");

        Assert.Equal(["insecure", "state"], seen.Arguments);
    }

    [Fact]
    public void Ssl_Configured_PassesEverythingItWasGiven()
    {
        var pair = new KeyCertificatePair("chain", "key");
        VerifyPeerCallback verify = context => context.TargetName == "target";
        var seen = new SeenChannelCredentials();

        new SslCredentials("roots", pair, verify).InternalPopulateConfiguration(seen, "state");

        Assert.Equal(["ssl", "state", "roots", pair, verify], seen.Arguments);
        Assert.Equal(("chain", "key"), (pair.CertificateChain, pair.PrivateKey));
    }

    [Fact]
    public void AuthContext_WithAnIdentity_FindsItsValues()
    {
        var name = AuthProperty.Create("name", "über"u8.ToArray());
        var other = AuthProperty.Create("other", [1]);
        var context = new AuthContext("name", new() { ["name"] = [name], ["other"] = [other] });

        Assert.True(context.IsPeerAuthenticated);
        Assert.Equal([name], context.PeerIdentity);
        Assert.Equal([name, other], context.Properties);
        Assert.Equal([other], context.FindPropertiesByName("other"));
        Assert.Empty(context.FindPropertiesByName("none"));
        Assert.Equal("über", name.Value);
    }

    [Fact]
    public void AuthContext_WithoutAnIdentity_IsNotAuthenticated()
    {
        var context = new AuthContext(null, []);

        Assert.False(context.IsPeerAuthenticated);
        Assert.Empty(context.PeerIdentity);
    }

    private sealed class SeenCallCredentials : CallCredentialsConfiguratorBase
    {
        public object? State { get; private set; }

        public IReadOnlyList<CallCredentials>? Composite { get; private set; }

        public AsyncAuthInterceptor? Interceptor { get; private set; }

        public override void SetCompositeCredentials(object? state, IReadOnlyList<CallCredentials> credentials) =>
            (State, Composite) = (state, credentials);

        public override void SetAsyncAuthInterceptorCredentials(object? state, AsyncAuthInterceptor interceptor) =>
            (State, Interceptor) = (state, interceptor);
    }

    private sealed class SeenChannelCredentials : ChannelCredentialsConfiguratorBase
    {
        public object?[] Arguments { get; private set; } = [];

        public override void SetInsecureCredentials(object? state) => Arguments = ["insecure", state];

        public override void SetSslCredentials(
            object? state, string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback) =>
            Arguments = ["ssl", state, rootCertificates, keyCertificatePair, verifyPeerCallback];

        public override void SetCompositeCredentials(
            object? state, ChannelCredentials channelCredentials, CallCredentials callCredentials) =>
            Arguments = ["composite", state, channelCredentials, callCredentials];
    }
}
