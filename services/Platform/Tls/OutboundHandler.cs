using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Tls;

/// <summary>
/// Connections to a server that people configured (a store, a cloud): nothing is followed, no cookie kept, no proxy used to loopback.
/// </summary>
public static class OutboundHandler
{
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(3), Lifetime = TimeSpan.FromMinutes(5);

    /// <param name="url">Where to; null: it is far away.</param>
    /// <param name="tlsRoots">PEM file of the CAs to trust; empty: the system's.</param>
    /// <param name="only">The one address to connect to, whatever the name resolves to; the certificate must be the name's all the same.
    /// Null: any.</param>
    public static SocketsHttpHandler To(Uri? url, string tlsRoots, IPAddress? only = null)
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
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(tlsRoots);
            handler.SslOptions.CertificateChainPolicy = policy;
        }
        if (only is not null)
            handler.ConnectCallback = (context, cancel) => Connect(new IPEndPoint(only, context.DnsEndPoint.Port), cancel);
        return handler;
    }

    /// <summary>The same, to who receives what we send: never to a link-local address, where metadata services are, whatever its name
    /// resolves to.</summary>
    public static SocketsHttpHandler ToReceiver(Uri url, string tlsRoots)
    {
        var handler = To(url, tlsRoots);
        handler.ConnectCallback = async (context, cancel) =>
        {
            Exception refusal = new LinkLocalException();
            foreach (var address in await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancel))
            {
                try
                {
                    if (!IsLinkLocal(address))
                        return await Connect(new IPEndPoint(address, context.DnsEndPoint.Port), cancel);
                }
                catch (SocketException e)
                {
                    refusal = e;
                }
            }
            throw refusal;
        };
        return handler;
    }

    /// <summary>
    /// 169.254.0.0/16, fe80::/10, and where clouds have their metadata service beside these: fd00:ec2::/32, 100.100.100.200.
    /// </summary>
    public static bool IsLinkLocal(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return plain.AddressFamily == AddressFamily.InterNetwork ? plain.GetAddressBytes() is [169, 254, ..] or [100, 100, 100, 200]
            : plain.IsIPv6LinkLocal || plain.GetAddressBytes() is [0xfd, 0x00, 0x0e, 0xc2, ..];
    }

    private static async ValueTask<Stream> Connect(IPEndPoint end, CancellationToken cancel)
    {
        var socket = new Socket(end.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(end, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>A name resolves to link-local addresses alone.</summary>
public sealed class LinkLocalException() : IOException("its name resolves to link-local addresses alone");
