using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Tls;

/// <summary>Connections to a server that people configured (a store, a cloud): nothing is followed, no cookie kept, no proxy used to loopback.</summary>
public static class OutboundHandler
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(3), Lifetime = TimeSpan.FromMinutes(5);

    /// <param name="url">Where to; null: it is far away.</param>
    /// <param name="tlsRoots">PEM file of the CAs to trust; empty: the system's.</param>
    public static SocketsHttpHandler To(Uri? url, string tlsRoots)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = ConnectLimit,
            PooledConnectionLifetime = Lifetime,
            // A proxy of the environment is for what is far away.
            UseProxy = url is not { IsLoopback: true },
        };
        if (tlsRoots.Length > 0)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(tlsRoots);
            handler.SslOptions.CertificateChainPolicy = policy;
        }
        return handler;
    }
}
