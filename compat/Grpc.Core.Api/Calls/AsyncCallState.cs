namespace Grpc.Core;

/// <summary>
/// What the four call types have in common. The transport passes functions with one state object, which saves it four
/// closures a call; interceptors pass plain functions.
/// </summary>
internal readonly struct AsyncCallState
{
    private readonly object? state;
    private readonly object responseHeaders;
    private readonly object status;
    private readonly object trailers;
    private readonly object dispose;

    public AsyncCallState(
        Task<Metadata> responseHeaders, Func<Status> status, Func<Metadata> trailers, Action dispose)
    {
        this.responseHeaders = responseHeaders;
        this.status = status;
        this.trailers = trailers;
        this.dispose = dispose;
    }

    public AsyncCallState(
        Func<object, Task<Metadata>> responseHeaders,
        Func<object, Status> status,
        Func<object, Metadata> trailers,
        Action<object> dispose,
        object state)
    {
        this.state = state;
        this.responseHeaders = responseHeaders;
        this.status = status;
        this.trailers = trailers;
        this.dispose = dispose;
    }

    public Task<Metadata> ResponseHeadersAsync => responseHeaders is Func<object, Task<Metadata>> function
        ? function(state!) // Not null: the constructor that takes such a function takes the state.
        : (Task<Metadata>)responseHeaders;

    public Status GetStatus() => status is Func<object, Status> function
        ? function(state!) // As above.
        : ((Func<Status>)status)();

    public Metadata GetTrailers() => trailers is Func<object, Metadata> function
        ? function(state!) // As above.
        : ((Func<Metadata>)trailers)();

    public void Dispose()
    {
        if (dispose is Action<object> action)
        {
            action(state!); // As above.
        }
        else
        {
            ((Action)dispose)();
        }
    }
}
