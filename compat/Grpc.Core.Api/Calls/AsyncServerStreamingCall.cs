namespace Grpc.Core;

/// <summary>A call in flight with one request and a stream of responses.</summary>
public sealed class AsyncServerStreamingCall<TResponse> : IDisposable
{
    private readonly AsyncCallState state;

    /// <summary>For interceptors, which wrap the call they were given.</summary>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
    {
        ResponseStream = responseStream;
        this.state = new AsyncCallState(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction);
    }

    /// <summary>For the transport: every function is called with <paramref name="state"/>.</summary>
    public AsyncServerStreamingCall(
        IAsyncStreamReader<TResponse> responseStream,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
    {
        ResponseStream = responseStream;
        this.state = new AsyncCallState(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state);
    }

    /// <summary>The responses. A read throws <see cref="RpcException"/> if the call fails.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }

    /// <summary>The headers of the response; they come before the first message, or with the end.</summary>
    public Task<Metadata> ResponseHeadersAsync => state.ResponseHeadersAsync;

    /// <summary>How the call ended. Throws <see cref="InvalidOperationException"/> while it has not.</summary>
    public Status GetStatus() => state.GetStatus();

    /// <summary>The trailing metadata. Throws <see cref="InvalidOperationException"/> while the call has not ended.</summary>
    public Metadata GetTrailers() => state.GetTrailers();

    /// <summary>Releases the call, and cancels it if it has not ended.</summary>
    public void Dispose() => state.Dispose();
}
