using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Overture.Platform.Options;

namespace Overture.Platform.Serving;

/// <summary>
/// How a process ends, after SIGTERM. At once: health says NOT_SERVING, while everything is still taken for as long as the option drain
/// says, since load balancers have to see it first. Then: streams end, listeners close, requests are finished. What still waits 12 s later
/// has to give up, well within the host's 25 s.
/// </summary>
public sealed class Drain : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(12);
    private readonly TimeSpan drain;
    private readonly TimeProvider clock;
    private readonly CancellationTokenSource begun = new(), streams = new(), lastCall;
    private readonly CancellationTokenRegistration stopping;

    public Drain(IHostApplicationLifetime lifetime, ServiceOptions options, TimeProvider clock)
    {
        (drain, this.clock) = (options.Drain, clock);
        lastCall = new CancellationTokenSource(Timeout.InfiniteTimeSpan, clock);
        stopping = lifetime.ApplicationStopping.Register(begun.Cancel);
    }

    /// <summary>The process is being stopped.</summary>
    public CancellationToken Begun => begun.Token;

    /// <summary>Nothing more is taken: what can be taken up again elsewhere ends now.</summary>
    public CancellationToken Closing => streams.Token;

    /// <summary>Whether a request was canceled, and is no longer waited for.</summary>
    public static bool Ended(HttpContext http) => http.Features.Get<Drain>() is { } drain && drain.EndOf(http).IsCancellationRequested;

    /// <summary>Around every request: its RequestAborted also fires when a stream, or at last any request, has to end.</summary>
    public async Task Around(HttpContext http, RequestDelegate next)
    {
        var gone = http.RequestAborted;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(gone, EndOf(http));
        http.RequestAborted = ends.Token;
        http.Features.Set(this);
        try
        {
            await next(http);
        }
        catch (OperationCanceledException) when (lastCall.IsCancellationRequested && !gone.IsCancellationRequested
            && !http.Response.HasStarted)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await begun.CancelAsync();
        if (drain > TimeSpan.Zero)
            await Task.Delay(drain, clock, cancellationToken);
        lastCall.CancelAfter(Patience);
        await streams.CancelAsync();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        stopping.Dispose();
        begun.Dispose();
        streams.Dispose();
        lastCall.Dispose();
    }

    // Health's own stream has a last status to send, and ends by itself.
    private CancellationToken EndOf(HttpContext http) =>
        http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method
            is { Type: MethodType.ServerStreaming or MethodType.DuplexStreaming } method
            && method.ServiceName != Grpc.Health.V1.Health.Descriptor.FullName ? streams.Token : lastCall.Token;
}
