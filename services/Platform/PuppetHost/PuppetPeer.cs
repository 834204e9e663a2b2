using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Tls;

namespace Overture.Platform.PuppetHost;

/// <summary>
/// Connections to such a server. One client for each of our certificates, so that a renewed one is shown from the next request on.
/// </summary>
/// <param name="options">Where, and by which files.</param>
/// <param name="bundle">The CA's chain, where the options name no files.</param>
/// <param name="own">The listener's certificate, where the options name no files.</param>
/// <param name="clock">For the files.</param>
/// <param name="limit">Of a request with its answer.</param>
/// <param name="largest">Bytes of an answer.</param>
public sealed class PuppetPeer(PuppetPeerOptions options, PuppetCaBundle? bundle, PuppetHostCertificate? own, TimeProvider clock,
    TimeSpan limit, int largest) : IDisposable
{
    private readonly PeerCertificates? files = options.HasFiles ? new(options.Files(), clock) : null;
    private readonly Lock gate = new();
    private (object Of, HttpClient Client)? open;

    /// <summary>Of the certificate that is good now. The client before it is left to its requests.</summary>
    /// <exception cref="InvalidOperationException">There is no certificate yet.</exception>
    public HttpClient Client()
    {
        object identity = files is not null ? files.Current : own?.Current
            ?? throw new InvalidOperationException("this service has no certificate of the Puppet CA yet");
        lock (gate)
        {
            if (open is not { } standing || standing.Of != identity)
                open = (identity, NewClient(identity));
            return open.Value.Client;
        }
    }

    /// <summary>What <see cref="Client"/> and its requests throw where the server does not answer.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="cancel">The caller's, whose end is no outage.</param>
    public static bool IsOutage(Exception e, CancellationToken cancel) =>
        e is HttpRequestException or InvalidOperationException or AuthenticationException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    /// <summary>An outage for people.</summary>
    public string Cause(Exception e) =>
        e is OperationCanceledException ? $"no answer within {limit.TotalSeconds:0.###} s" : e.InnerException is AuthenticationException tls
            ? $"TLS: {tls.Message}" : e.Message;

    public void Dispose() => open?.Client.Dispose();

    private HttpClient NewClient(object identity)
    {
        var (context, policy) = identity is PeerCertificates.Loaded given
            ? (given.Context, given.Policy()) : Own((X509Certificate2)identity);
        var url = new Uri(options.Url);
        var handler = OutboundHandler.To(url, "");
        handler.UseProxy = false;
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            // their Java may offer 1.2 at most
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = policy,
            ClientCertificateContext = context,
        };
        return new HttpClient(handler) { BaseAddress = url, Timeout = limit, MaxResponseContentBufferSize = largest };
    }

    private (SslStreamCertificateContext, X509ChainPolicy) Own(X509Certificate2 leaf)
    {
        var trust = bundle!.Current;
        return (SslStreamCertificateContext.Create(leaf, [.. trust.Intermediates], offline: true), trust.Policy());
    }
}
