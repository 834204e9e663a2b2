using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>
/// The listener for Puppet agents: HTTP/1.1, TLS 1.2 and 1.3, a certificate of the Puppet CA, the client's asked for but not demanded. A
/// client certificate that is no child of this CA, or is revoked, ends the handshake.
/// </summary>
internal static class CaApiListener
{
    public const string Name = "ca-api";

    private static readonly CipherSuitesPolicy Suites = new(
    [
        TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ]);

    public static void Listen(KestrelServerOptions kestrel, PuppetApiOptions options)
    {
        kestrel.Limits.MaxRequestBodySize = RequestBody.CrlBytes;
        var services = kestrel.ApplicationServices;
        var failures = services.GetRequiredService<Budgets>().Failures;
        kestrel.ListenTls(options.Listen, Name, HttpProtocols.Http1, options.Limits, () => Tls(services), failures.Spend);
    }

    private static ListenerTls Tls(IServiceProvider services)
    {
        var ca = services.GetRequiredService<CaSigner>().Ca;
        var revocations = services.GetRequiredService<RevocationStore>();
        return new ListenerTls(services.GetRequiredService<ServerLeaf>().Current.Context, TrustPolicy.Of([ca.Chain[^1]], ca.Chain),
            [ca.Issuer])
        {
            Protocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            Suites = Suites,
            // Whether there must be one is each route's affair.
            CertificateOptional = true,
            Refusal = certificate => IsRevoked(certificate, revocations) ? ConnectionCause.Revoked : null,
        };
    }

    /// <summary>By our own set of serials, in the handshake and again on each request: a connection may outlive its certificate.</summary>
    public static bool IsRevoked(X509Certificate2 certificate, RevocationStore revocations) =>
        revocations.IsKnown(SerialNumber.Of(certificate));
}
