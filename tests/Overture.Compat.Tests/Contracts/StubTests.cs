using Grpc.Core.Interceptors;

namespace Overture.Compat.Tests.Contracts;

public sealed class StubTests
{
    [Fact]
    public void WithHost_OnAStub_PutsTheHostOnCallsOfTheNewStubOnly()
    {
        var invoker = new HostRecordingInvoker();
        var client = new Probe.ProbeClient(invoker);

        client.WithHost("other.example").Echo(new EchoRequest());
        client.Echo(new EchoRequest());

        Assert.Equal(["other.example", null], invoker.Hosts);
    }

    [Fact]
    public void WithHost_OnAnInterceptedStub_KeepsTheInterceptor()
    {
        var invoker = new HostRecordingInvoker();
        var seen = 0;
        var client = new Probe.ProbeClient(invoker.Intercept(headers =>
        {
            seen++;
            return headers;
        }));

        client.WithHost("other.example").Echo(new EchoRequest());

        Assert.Equal(1, seen);
        Assert.Equal(["other.example"], invoker.Hosts);
    }

    [Fact]
    public void Stub_MadeWithoutAChannel_CanBeDerivedFromAndNotCalled() =>
        Assert.Throws<NotImplementedException>(() => new StubOfATest().Echo(new EchoRequest()));

    [Fact]
    public async Task ServiceBase_MethodNotOverridden_IsUnimplemented()
    {
        var thrown = await Assert.ThrowsAsync<RpcException>(() => new BareService().Echo(new EchoRequest(), null!)); // not read

        Assert.Equal(StatusCode.Unimplemented, thrown.StatusCode);
    }

    private sealed class StubOfATest : Probe.ProbeClient;

    private sealed class BareService : Probe.ProbeBase;

    private sealed class HostRecordingInvoker : CallInvoker
    {
        public List<string?> Hosts { get; } = [];

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
        {
            Hosts.Add(host);
            return method.ResponseMarshaller.ContextualDeserializer(new NoBytes());
        }

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();
    }

    private sealed class NoBytes : DeserializationContext
    {
        public override int PayloadLength => 0;

        public override byte[] PayloadAsNewBuffer() => [];

        public override System.Buffers.ReadOnlySequence<byte> PayloadAsReadOnlySequence() => default;
    }
}
