using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Overture.Platform.Certificates;

namespace Overture.Platform.Connections;

/// <summary>One TLS handshake of a listener: judges the client's certificate, and keeps why it failed.</summary>
internal sealed class Handshake(TimeProvider clock)
{
    private static readonly AsyncLocal<Handshake?> Current = new();

    public bool Done { get; private set; }

    /// <summary>Good once it has failed.</summary>
    public string Cause { get; private set; } = ConnectionCause.Failed;
    public string Detail { get; private set; } = "";

    /// <summary>What happens from here on in this flow is of this handshake, until it is over.</summary>
    public Handshake Begin() => Current.Value = this;

    public void Complete()
    {
        Done = true;
        Current.Value = null;
    }

    public SslServerAuthenticationOptions Options(ListenerTls tls) => new()
    {
        ServerCertificateContext = tls.Certificate,
        EnabledSslProtocols = tls.Protocols,
        CipherSuitesPolicy = tls.Suites,
        AllowRenegotiation = false,
        // Asks for one; whether there must be one is said below.
        ClientCertificateRequired = !tls.AsksForNone,
        CertificateChainPolicy = tls.Policy,
        RemoteCertificateValidationCallback = (_, certificate, chain, errors) => Judge(tls, (X509Certificate2?)certificate, chain, errors),
    };

    private bool Judge(ListenerTls tls, X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
            return tls.CertificateOptional || tls.AsksForNone || Fails(ConnectionCause.NoCertificate, "it presented no client certificate");
        if (CertificateTerm.Problem(certificate, clock.GetUtcNow()) is { } term)
            return Fails(term.Cause, term.Sentence);
        if (errors != SslPolicyErrors.None)
        {
            return chain?.ChainStatus.Any(s => s.Status == X509ChainStatusFlags.NotTimeValid) == true
                ? Fails(ConnectionCause.Expired, $"a CA above {Named(certificate)} is not valid now")
                : Fails(ConnectionCause.WrongCa,
                    $"{Named(certificate)} does not chain to our CA ({string.Join(", ", chain?.ChainStatus.Select(s => s.Status) ?? [])})");
        }
        // The chain may lead to our root by way of another CA below it, whose certificates we know nothing of.
        if (!tls.Issuers.Any(i => SignatureScheme.IsClientOf(certificate, i)))
            return Fails(ConnectionCause.WrongCa, $"{Named(certificate)} was not signed by our CA itself");
        return tls.Refusal?.Invoke(certificate) is not { } refusal || Fails(refusal, Named(certificate));
    }

    private bool Fails(string cause, string detail)
    {
        (Cause, Detail) = (cause, detail);
        return false;
    }

    private static string Named(X509Certificate2 certificate) =>
        Printable($"{certificate.Subject}, serial {certificate.SerialNumber}, of {certificate.Issuer}");

    private static string Printable(string text) => new([.. text.Take(300).Select(c => c is >= ' ' and <= '~' ? c : '?')]);

    // What the framework or OpenSSL said, where our judgement did not speak.
    private void Threw(EventId said, Exception? thrown)
    {
        if (Cause != ConnectionCause.Failed)
            return;
        var innermost = thrown;
        while (innermost?.InnerException is { } inner)
            innermost = inner;
        Detail = Printable(innermost?.Message ?? "");
        Cause = said.Name == "AuthenticationTimedOut" || thrown is OperationCanceledException ? ConnectionCause.Timeout : CauseOf(Detail);
    }

    internal static string CauseOf(string message)
    {
        bool Says(params string[] words) => words.Any(w => message.Contains(w, StringComparison.OrdinalIgnoreCase));
        return Says("unsupported protocol", "wrong version", "alert protocol version", "no shared cipher", "frame", "http request",
            "no suitable", "unknown protocol") ? ConnectionCause.Protocol
            : Says("alert") ? ConnectionCause.RefusedByClient
            : Says("EOF", "reset", "0 bytes", "aborted") ? ConnectionCause.Closed
            : ConnectionCause.Failed;
    }

    /// <summary>
    /// Kestrel keeps a handshake's exception to itself, but for its debug log; which is written in the connection's own flow.
    /// </summary>
    internal sealed class Listener : ILoggerProvider, ILogger
    {
        public const string Category = "Microsoft.AspNetCore.Server.Kestrel.Https.Internal.HttpsConnectionMiddleware";

        public ILogger CreateLogger(string categoryName) => categoryName == Category ? this : NullLogger.Instance;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => Current.Value is not null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            Current.Value?.Threw(eventId, exception);

        public void Dispose()
        {
        }
    }
}
