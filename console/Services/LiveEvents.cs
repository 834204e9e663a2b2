using System.Text;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Overture.Conductor.V1;
using Overture.Console.Sessions;
using Overture.Platform.Tls;

namespace Overture.Console.Services;

/// <summary>
/// Server-sent events: that something on the page has changed, which then asks for the page again. What changed is not sent: there is one
/// way to make a page.
/// </summary>
internal static class LiveEvents
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(15), Together = TimeSpan.FromMilliseconds(300);

    /// <summary>Until the browser goes, the session ends or the console stops.</summary>
    public static async Task Send(HttpContext http, IReadOnlyList<WatchInstancesRequest> watches)
    {
        var services = http.RequestServices;
        var (calls, clock) = (Calls.Of(http), services.GetRequiredService<TimeProvider>());
        var ended = services.GetRequiredService<EndedSessions>();
        var session = Session.Required(http);
        using var place = services.GetRequiredService<OpenStreams>().Take(session.By.Nonce, session.By.Peer.Name);
        if (place is null)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }
        // It may have been signed out of before the place was taken.
        if (await services.GetRequiredService<SessionCookie>().Read(http) is null)
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, place.Ended,
            services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        // One that waits says all there is to say; it is completed with what ended the watch.
        var changes = Channel.CreateBounded<string>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var watching = Task.WhenAll(watches.Select(w => Watch(calls, w, changes.Writer, end)));
        try
        {
            await Write(http, "retry: 3000\nevent: open\ndata: \n\n", end.Token);
            var asked = clock.GetTimestamp();
            while (!end.IsCancellationRequested)
            {
                var change = await Next(changes.Reader, end.Token);
                await Write(http, change is null ? ": \n\n" : $"event: {change}\ndata: \n\n", end.Token);
                // However busy: at another replica it may have been signed out of, which ends this stream.
                if (clock.GetElapsedTime(asked) >= Beat)
                {
                    await ended.Ask(http, session);
                    asked = clock.GetTimestamp();
                }
                if (change is not null)
                    await Task.Delay(Together, clock, end.Token);
            }
        }
        catch (PageException)
        {
            await Write(http, "event: over\ndata: \n\n", end.Token);
        }
        catch (ChannelClosedException e)
        {
            // The browser comes again; where its session is over, that says so.
            await Write(http, $"event: {(e.InnerException is PageException ? "over" : "lost")}\ndata: \n\n", end.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The browser has gone, or the console stops; or somewhere else in it the session was signed out of.
            if (place.Ended.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested)
                await Write(http, "event: over\ndata: \n\n", http.RequestAborted);
        }
        finally
        {
            await end.CancelAsync();
            await watching;
        }
    }

    // Null: there was none within a beat.
    private static async Task<string?> Next(ChannelReader<string> changes, CancellationToken end)
    {
        using var beat = CancellationTokenSource.CreateLinkedTokenSource(end);
        beat.CancelAfter(Beat);
        try
        {
            return await changes.ReadAsync(beat.Token);
        }
        catch (OperationCanceledException) when (!end.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task Watch(Calls calls, WatchInstancesRequest request, ChannelWriter<string> changes, CancellationTokenSource end)
    {
        try
        {
            // Each is sent as it is first, which the page shows already.
            var seen = new Dictionary<string, string>(StringComparer.Ordinal);
            using var watch = calls.Watch(request, end.Token);
            while (await watch.ResponseStream.MoveNext(end.Token))
            {
                var instance = watch.ResponseStream.Current.Instance;
                var now = Looks(instance);
                var isNew = !seen.TryGetValue(instance.Certname, out var before);
                seen[instance.Certname] = now;
                if (isNew ? request.Certnames.Count == 0 : before != now)
                    changes.TryWrite("change");
            }
            changes.TryComplete();
        }
        catch (RpcException e) when (!end.IsCancellationRequested)
        {
            var trouble = calls.TroubleOf(e, Role.Conductor);
            changes.TryComplete(trouble.EndsSession ? new PageException(trouble) : e);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            // It was ended here.
        }
    }

    private static string Looks(Instance instance) =>
        $"{instance.State}|{instance.LastReport}|{string.Join(',', instance.Conditions.Select(c => $"{c.Type}:{c.Reason}:{c.Since}"))}";

    private static async Task Write(HttpContext http, string text, CancellationToken cancel)
    {
        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), cancel);
        await http.Response.Body.FlushAsync(cancel);
    }
}
