using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Tls;

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
        // threats §4.2. Kestrel has one set for all listeners: connections count each listener by itself, and gRPC's streams are exempt
        // from the body's size and rate.
        kestrel.Limits.MaxConcurrentConnections = options.Limits.Connections;
        kestrel.Limits.MaxRequestBodySize = RequestBody.CrlBytes;
        // What is taken off the wire before anybody reads it.
        kestrel.Limits.MaxRequestBufferSize = 64 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.MaxRequestLineSize = 4 * 1024;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(60);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        var services = kestrel.ApplicationServices;
        var open = services.GetRequiredService<OpenConnections>();
        kestrel.Listen(IPEndPoint.Parse(options.Listen), listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Named(Name);
            listen.Use(next => connection => open.Run(connection, next));
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                HandshakeTimeout = TimeSpan.FromSeconds(10),
                OnConnection = _ => ValueTask.FromResult(Handshake(services)),
            });
        });
    }

    private static SslServerAuthenticationOptions Handshake(IServiceProvider services)
    {
        var ca = services.GetRequiredService<CaSigner>().Ca;
        var revocations = services.GetRequiredService<RevocationStore>();
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = services.GetRequiredService<ServerLeaf>().Current.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CipherSuitesPolicy = Suites,
            AllowRenegotiation = false,
            // Asks for one; whether there must be one is each route's affair.
            ClientCertificateRequired = true,
            CertificateChainPolicy = Policy(ca),
            RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                certificate is null || (errors == SslPolicyErrors.None && IsOurs((X509Certificate2)certificate, ca) && !IsRevoked((X509Certificate2)certificate, revocations)),
        };
    }

    /// <summary>By our own set of serials, in the handshake and again on each request: a connection may outlive its certificate.</summary>
    public static bool IsRevoked(X509Certificate2 certificate, RevocationStore revocations) =>
        revocations.IsKnown(SerialText.Of(certificate));

    // The chain may lead to our root by way of another CA below it, whose certificates we know nothing of.
    private static bool IsOurs(X509Certificate2 certificate, CaFiles ca) => SignatureScheme.IsSignedBy(certificate.RawDataMemory, ca.Issuer);

    private static X509ChainPolicy Policy(CaFiles ca)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.Add(ca.Chain[^1]);
        policy.ExtraStore.AddRange(ca.Chain);
        return policy;
    }
}
