using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Connections;

/// <summary>
/// What a listener shows and whose certificates it takes; asked for at each handshake, so that renewed files count from the next one on.
/// </summary>
/// <param name="Certificate">Ours. The same object as long as it is the same certificate: OpenSSL keeps a context with each.</param>
/// <param name="Policy">What a client's certificate must chain to.</param>
/// <param name="Issuers">Clients are only those whose certificate one of these signed itself; no CA below or beside them, and no
/// CA.</param>
public sealed record ListenerTls(SslStreamCertificateContext Certificate, X509ChainPolicy Policy, IReadOnlyList<X509Certificate2> Issuers)
{
    public SslProtocols Protocols { get; init; } = SslProtocols.Tls13;

    public CipherSuitesPolicy? Suites { get; init; }

    /// <summary>A client may show none.</summary>
    public bool CertificateOptional { get; init; }

    /// <summary>Clients are not asked for one: browsers would ask people which.</summary>
    public bool AsksForNone { get; init; }

    /// <summary>Whether a certificate that is good otherwise is refused: a <see cref="ConnectionCause"/>, or null.</summary>
    public Func<X509Certificate2, string?>? Refusal { get; init; }
}
