using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Conductor.Terminate;

/// <summary>
/// The one command that PuppetDB is sent (its command API, v1): deactivate_node, version 3, which may be repeated. After an outage calls fail
/// at once for a while, so that a thousand names do not wait a thousand time-outs.
/// </summary>
/// <param name="own">Null: there is no report listener, and the options name files.</param>
internal sealed class PuppetDbClient(ConductorOptions options, PuppetCaBundle bundle, TimeProvider clock, PuppetHostCertificate? own = null) : IDisposable
{
    private const int LargestAnswer = 64 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5), Rest = TimeSpan.FromSeconds(5);
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private readonly PeerCertificates? files = options.PuppetDb.HasFiles ? new(options.PuppetDb.Files, clock) : null;
    private readonly Lock gate = new();
    private (object Of, HttpClient Client)? open;
    private volatile Outage? failed;

    /// <summary>PuppetDB has taken the command: on its disk, worked on in its own time.</summary>
    /// <exception cref="FaultException">PUPPET_DB_UNAVAILABLE: it does not answer, or not with yes.</exception>
    public async Task Deactivate(CertName name, CancellationToken cancel)
    {
        if (failed is { } before && clock.GetElapsedTime(before.At) < Rest)
            throw Unavailable(before.Cause);
        var now = clock.NowMs().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);
        var body = JsonSerializer.Serialize(new Dictionary<string, string> { ["certname"] = $"{name}", ["producer_timestamp"] = now });
        var path = $"pdb/cmd/v1?command=deactivate_node&version=3&certname={name}&producer-timestamp={Uri.EscapeDataString(now)}";
        try
        {
            using var answer = await Client().PostAsync(path, new StringContent(body, Json), cancel);
            var words = Printable(await answer.Content.ReadAsStringAsync(cancel));
            if (!answer.IsSuccessStatusCode)
                throw Rested($"it answers {(int)answer.StatusCode}{(words.Length > 0 ? $" ({words})" : "")}");
            failed = null;
        }
        catch (Exception e) when (e is HttpRequestException or InvalidOperationException or AuthenticationException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw Rested(e is OperationCanceledException ? $"no answer within {Limit.TotalSeconds:0} s" : e.InnerException is AuthenticationException tls ? $"TLS: {tls.Message}" : e.Message);
        }
    }

    public void Dispose() => open?.Client.Dispose();

    // One client for each certificate, so that a renewed one is shown from the next request on. The old one is left to its requests.
    private HttpClient Client()
    {
        object identity = files is not null ? files.Current : own?.Current ?? throw new InvalidOperationException("the Conductor has no certificate of the Puppet CA yet");
        lock (gate)
        {
            if (open is not { } standing || standing.Of != identity)
                open = (identity, NewClient(identity));
            return open.Value.Client;
        }
    }

    private HttpClient NewClient(object identity)
    {
        var trust = bundle.Current;
        var (context, policy) = identity is PeerCertificates.Loaded given
            ? (given.Context, given.Policy())
            : (SslStreamCertificateContext.Create((X509Certificate2)identity, [.. trust.Intermediates], offline: true), trust.Policy());
        var url = new Uri(options.PuppetDb.Url);
        var handler = OutboundHandler.To(url, "");
        handler.UseProxy = false;
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            // PuppetDB's Java may offer 1.2 at most
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = policy,
            ClientCertificateContext = context,
        };
        return new HttpClient(handler) { BaseAddress = url, Timeout = Limit, MaxResponseContentBufferSize = LargestAnswer };
    }

    private FaultException Rested(string cause)
    {
        failed = new Outage(clock.GetTimestamp(), cause);
        return Unavailable(cause);
    }

    private FaultException Unavailable(string cause) =>
        new(FaultKind.Unavailable, Reason.PuppetDbUnavailable, $"PuppetDB at {options.PuppetDb.Url} does not take the command: {cause}");

    private static string Printable(string words) => new([.. words.Take(200).Select(c => char.IsControl(c) ? ' ' : c)]);

    private sealed record Outage(long At, string Cause);
}
