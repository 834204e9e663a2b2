using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Overture.Platform.Certificates;
using Overture.Platform.Tls;

namespace Overture.Console.Services;

/// <summary>
/// Connections to the three services, shared by all sessions: TLS 1.3 with the console's own certificate, and only with a peer that has
/// the role of that service. Made again when that certificate is renewed.
/// </summary>
public sealed class ServiceLinks(ConsoleOptions options, PeerCertificates own)
{
    private readonly Lock gate = new();
    private PeerCertificates.Loaded? with;
    private Dictionary<Role, GrpcChannel> channels = [];

    /// <summary>A service, as people and the configuration call it: key, address.</summary>
    public static (string Key, string Address) Of(ConsoleOptions options, Role service) => service switch
    {
        Role.Conductor => ("conductor", options.Conductor),
        Role.CertAuthority => ("certAuthority", options.CertAuthority),
        Role.Classifier => ("classifier", options.Classifier),
        _ => throw new ArgumentOutOfRangeException(nameof(service)),
    };

    public CallInvoker To(Role service)
    {
        lock (gate)
        {
            var now = own.Current;
            if (!ReferenceEquals(with, now))
            {
                // What still runs over the old ones goes on; they end when nothing refers to them.
                (with, channels) = (now, []);
            }
            if (!channels.TryGetValue(service, out var channel))
                channels[service] = channel = Open(service, now);
            return channel.CreateCallInvoker();
        }
    }

    private GrpcChannel Open(Role service, PeerCertificates.Loaded identity) =>
        GrpcChannel.ForAddress($"https://{Of(options, service).Address}", new GrpcChannelOptions
        {
            DisposeHttpClient = true,
            MaxReceiveMessageSize = 16 * 1024 * 1024,
            HttpHandler = new SocketsHttpHandler
            {
                UseProxy = false, UseCookies = false, AllowAutoRedirect = false,
                EnableMultipleHttp2Connections = true,
                ConnectTimeout = TimeSpan.FromSeconds(3),
                KeepAlivePingDelay = TimeSpan.FromSeconds(15), KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
                SslOptions = new SslClientAuthenticationOptions
                {
                    EnabledSslProtocols = SslProtocols.Tls13,
                    CertificateChainPolicy = TrustPolicy.Of(identity.Roots),
                    ClientCertificateContext = identity.Context,
                    RemoteCertificateValidationCallback = (_, certificate, _, errors) => errors == SslPolicyErrors.None
                        && certificate is X509Certificate2 peer && PeerIdentity.Of(peer).Roles.Contains(service),
                },
            },
        });
}
