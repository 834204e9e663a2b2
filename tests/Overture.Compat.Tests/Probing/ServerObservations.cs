using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;

namespace Overture.Compat.Tests;

/// <summary>One call as the server saw it.</summary>
internal sealed record SeenCall(string Method, DateTime Deadline, Metadata Headers, string Peer, bool PeerAuthenticated);

/// <summary>What the server saw, for the test to ask about.</summary>
internal sealed class ServerObservations : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim started = new(0);
    private readonly SemaphoreSlim cancelled = new(0);
    private long bytesReceived;

    public ConcurrentBag<SeenCall> Calls { get; } = [];

    /// <summary>The order in which interceptors and handler ran.</summary>
    public ConcurrentQueue<string> Steps { get; } = [];

    /// <summary>The size of all request bodies, as they came over the wire.</summary>
    public long BytesReceived => Interlocked.Read(ref bytesReceived);

    /// <summary>The <c>grpc-encoding</c> of the last request, which is not among the headers a handler sees.</summary>
    public string? RequestEncoding { get; private set; }

    /// <summary>The <c>grpc-encoding</c> of the last response, which is not among the headers a client sees.</summary>
    public string? ResponseEncoding { get; private set; }

    public void NoteCall(ServerCallContext context) => Calls.Add(new SeenCall(
        context.Method, context.Deadline, context.RequestHeaders, context.Peer, context.AuthContext.IsPeerAuthenticated));

    public void NoteStarted() => started.Release();

    public void NoteCancelled() => cancelled.Release();

    /// <summary>Waits until a hanging handler has begun.</summary>
    public async Task OneStartedAsync() =>
        Assert.True(await started.WaitAsync(Limit), "No hanging handler began within the limit.");

    /// <summary>Waits until a hanging handler has noticed that its caller is gone.</summary>
    public async Task OneCancelledAsync() =>
        Assert.True(await cancelled.WaitAsync(Limit), "No handler was cancelled within the limit.");

    /// <summary>Looks at a call between Kestrel and gRPC.</summary>
    public Task ObserveHttp(HttpContext context, RequestDelegate next)
    {
        RequestEncoding = context.Request.Headers["grpc-encoding"];
        context.Request.Body = new CountingStream(context.Request.Body, count => Interlocked.Add(ref bytesReceived, count));
        context.Response.OnStarting(() =>
        {
            ResponseEncoding = context.Response.Headers["grpc-encoding"];
            return Task.CompletedTask;
        });
        return next(context);
    }

    public void Dispose()
    {
        started.Dispose();
        cancelled.Dispose();
    }
}
