using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Overture.TestSupport;

/// <summary>
/// An HTTP proxy on loopback before a server, which takes requests that a test picks and delivers them when the test says: also after
/// their client has given up and gone, as a proxy with a full queue does.
/// </summary>
public sealed class HoldingProxy : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Uri target;
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false });
    private readonly Lock gate = new();
    private List<(TaskCompletionSource Go, Task<int> Status)> held = [];

    private HoldingProxy(Uri target)
    {
        this.target = target;
        Endpoint = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(Endpoint.ToString());
        app = builder.Build();
        app.Run(Serve);
    }

    public Uri Endpoint { get; }

    /// <summary>Whether a request is held back, by its method and its path as it was sent.</summary>
    public Func<string, string, bool> Holds { get; set; } = (_, _) => false;

    /// <summary>Requests that are held back now.</summary>
    public int Held
    {
        get
        {
            lock (gate)
                return held.Count;
        }
    }

    public static async Task<HoldingProxy> Start(Uri target)
    {
        var proxy = new HoldingProxy(target);
        await proxy.app.StartAsync();
        return proxy;
    }

    /// <summary>Delivers what is held back, one after the other in the order it came.</summary>
    /// <returns>The status that each got.</returns>
    public async Task<IReadOnlyList<int>> Release()
    {
        List<(TaskCompletionSource Go, Task<int> Status)> all;
        lock (gate)
            (all, held) = (held, []);
        var statuses = new List<int>();
        foreach (var (go, status) in all)
        {
            go.SetResult();
            statuses.Add(await status);
        }
        return statuses;
    }

    public async ValueTask DisposeAsync()
    {
        lock (gate)
            held.ForEach(h => h.Go.TrySetCanceled());
        await app.DisposeAsync();
        http.Dispose();
    }

    private async Task Serve(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var path = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (!Holds(context.Request.Method, path))
        {
            await Forward(context, path, body.ToArray());
            return;
        }
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
            held.Add((go, done.Task));
        await go.Task;
        done.SetResult(await Forward(context, path, body.ToArray()));
    }

    // Host and signature stay as they were; the client may be gone.
    private async Task<int> Forward(HttpContext context, string path, byte[] body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(target, path))
        {
            Content = new ByteArrayContent(body),
        };
        foreach (var (name, values) in context.Request.Headers)
        {
            if (name is not ("Connection" or "Expect" or "Content-Length" or "Transfer-Encoding")
                && !request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }
        using var answer = await http.SendAsync(request);
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        if (context.RequestAborted.IsCancellationRequested)
            return (int)answer.StatusCode;
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (name is not ("Connection" or "Transfer-Encoding" or "Content-Length"))
                context.Response.Headers[name] = values.ToArray();
        }
        if (answer.StatusCode is not (HttpStatusCode.NoContent or HttpStatusCode.NotModified))
            await context.Response.Body.WriteAsync(bytes);
        return (int)answer.StatusCode;
    }
}
