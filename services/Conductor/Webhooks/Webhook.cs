using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Overture.Conductor.Events;
using Overture.Platform.Faults;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Conductor.Webhooks;

/// <summary>What became of one attempt.</summary>
internal enum DeliveryOutcome
{
    Delivered,

    /// <summary>Not now.</summary>
    Failed,

    /// <summary>The receiver takes this event neither now nor later.</summary>
    Refused,

    /// <summary>The receiver wants no more events.</summary>
    Gone,
}

/// <summary>One attempt.</summary>
/// <param name="Cause">Why it was not delivered: one sentence, without what the receiver said and without the URL.</param>
internal sealed record Delivery(DeliveryOutcome Outcome, string Cause);

/// <summary>A configured receiver: one attempt to send it one event.</summary>
internal sealed class Webhook : IDisposable
{
    private const int LargestDrain = 16 * 1024, HeadersKiB = 16;
    private readonly string deployment;
    private readonly EventIds ids;
    private readonly TimeProvider clock;
    private readonly HttpClient http;

    public Webhook(string name, WebhookOptions options, string deployment, EventIds ids, TimeProvider clock)
    {
        (Name, Options, this.deployment, this.ids, this.clock) = (name, options, deployment, ids, clock);
        Wanted = new EventFilterRule(options.Filter);
        var handler = OutboundHandler.ToReceiver(options.Target(), options.TlsRoots);
        // No span of it: a span has the URL, which may be a secret; and no trace of ours in a stranger's headers.
        handler.ActivityHeadersPropagator = null;
        (handler.MaxResponseDrainSize, handler.MaxResponseHeadersLength) = (LargestDrain, HeadersKiB);
        http = new HttpClient(handler) { Timeout = options.Timeout };
    }

    public string Name { get; }

    public WebhookOptions Options { get; }

    public EventFilterRule Wanted { get; }

    /// <exception cref="FaultException">The store is away.</exception>
    public async Task<Delivery> Send(Event found, CancellationToken cancel)
    {
        var id = await ids.Of(found, cancel);
        if (Body(found, id) is not { } body)
            return new(DeliveryOutcome.Refused, "no body can be made of this event");
        try
        {
            using var request = Request(id, body);
            // What the receiver says beyond its status is neither read nor kept.
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            return Of(answer.StatusCode);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested && Cause(e) is { } cause)
        {
            return new(DeliveryOutcome.Failed, cause);
        }
    }

    public void Dispose() => http.Dispose();

    private bool IsTemplate => Options.Template.Length > 0;

    // Null: the event lacks what a body needs, by whatever wrote it.
    private byte[]? Body(Event found, string id)
    {
        try
        {
            return IsTemplate ? TemplateBody.Of(Options.Template, found) : CloudEventBody.Of(found, id, deployment);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or NullReferenceException)
        {
            return null;
        }
    }

    private HttpRequestMessage Request(string id, byte[] body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Options.Target()) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType =
            new MediaTypeHeaderValue(IsTemplate ? "application/json" : CloudEventBody.ContentType, "utf-8");
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("overture", null));
        if (Options.SecretFile.Length == 0)
            return request;
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", now.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add("webhook-signature", WebhookSignature.Of(WebhookSignature.Keys(Options.SecretFile), id, now, body));
        return request;
    }

    private static Delivery Of(HttpStatusCode status) => (int)status switch
    {
        >= 200 and < 300 => new(DeliveryOutcome.Delivered, ""),
        410 => new(DeliveryOutcome.Gone, "it answers 410: it wants no more events"),
        400 or 413 or 415 or 422 => new(DeliveryOutcome.Refused, $"it answers {(int)status}: it does not take this event"),
        >= 300 and < 400 => new(DeliveryOutcome.Failed, $"it answers {(int)status}, and redirects are not followed"),
        _ => new(DeliveryOutcome.Failed, $"it answers {(int)status}"),
    };

    // Null: a bug.
    private static string? Cause(Exception e) => e switch
    {
        HttpRequestException { InnerException: LinkLocalException } => "its name leads to a link-local address, which is never called",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } =>
            "its certificate is not trusted, or it speaks no TLS",
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "its name is not known",
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => "it takes no connection",
        HttpRequestException => "the connection broke",
        OperationCanceledException => "it did not answer in time",
        IOException or UnauthorizedAccessException or CryptographicException => "a file of its options can't be read",
        FormatException => "secretFile has no key that may be used, and nothing is sent unsigned",
        FaultException => "urlFile has no URL that may be called",
        _ => null,
    };
}
