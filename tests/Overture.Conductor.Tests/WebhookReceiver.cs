using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>One request of a webhook.</summary>
internal sealed record Received(string Id, string Timestamp, string Signature, string ContentType, string Body)
{
    /// <summary>The cursor in its id, behind that of the store.</summary>
    public string Cursor => Id.Split('-')[^1];

    public JsonNode Json => JsonNode.Parse(Body)!;

    /// <summary>Of a CloudEvent.</summary>
    public string Type => Json["type"]!.GetValue<string>();

    public string Subject => Json["subject"]!.GetValue<string>();
}

/// <summary>A real HTTP server that takes events, or does not.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication app;

    private WebhookReceiver(int port, X509Certificate2? tls)
    {
        Url = $"{(tls is null ? "http" : "https")}://{(tls is null ? "127.0.0.1" : "localhost")}:{port}/events";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l =>
        {
            if (tls is not null)
                l.UseHttps(tls);
        }));
        app = builder.Build();
        app.Run(Take);
    }

    public string Url { get; }

    /// <summary>Every request, in order, also those that it does not take.</summary>
    public ConcurrentQueue<Received> All { get; } = new();

    /// <summary>What it answers; the request's body has been read.</summary>
    public Func<Received, Task<int>> Answer { get; set; } = _ => Task.FromResult(200);

    public static async Task<WebhookReceiver> Start(X509Certificate2? tls = null, int? port = null)
    {
        var receiver = new WebhookReceiver(port ?? FreePort.Next(), tls);
        await receiver.app.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task Take(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var headers = http.Request.Headers;
        var received = new Received($"{headers["webhook-id"]}", $"{headers["webhook-timestamp"]}", $"{headers["webhook-signature"]}",
            $"{headers.ContentType}", await reader.ReadToEndAsync());
        All.Enqueue(received);
        http.Response.StatusCode = await Answer(received);
        if (http.Response.StatusCode == 302)
            http.Response.Headers.Location = Url + "/elsewhere";
    }
}
