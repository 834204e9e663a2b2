using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Overture.Cli.Pki;
using Overture.Platform.Tls;

namespace Overture.TestSupport;

/// <summary>A real internal PKI, made by the code of `overture pki init`.</summary>
public sealed class TestPki : IDisposable
{
    private readonly TempDirectory home = new();

    public TestPki() => new InternalPki(home.Path, TimeProvider.System).Init([]);

    /// <summary>Holds pki/ and launch/.</summary>
    public string Home => home.Path;
    public string LaunchSigningKey => home.File("launch/signing.key");
    public string LaunchTokenKey => home.File("launch/token.key");
    public string TrustedLaunchKeys => home.File("launch/trusted");

    /// <param name="party">conductor, certauthority, classifier, admin, operator, viewer, enc or autosign.</param>
    public TlsFiles Files(string party) => new()
    {
        Certificate = home.File($"pki/{party}.pem"),
        Key = home.File($"pki/{party}.key"),
        Roots = home.File("pki/ca.pem"),
    };

    /// <summary>A channel to a service on loopback, with this party's certificate.</summary>
    public GrpcChannel Channel(int port, string party)
    {
        var files = Files(party);
        var own = X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(files.Roots);
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateChainPolicy = policy,
                ClientCertificateContext = SslStreamCertificateContext.Create(own, null, offline: true),
            },
        };
        return GrpcChannel.ForAddress($"https://localhost:{port}",
            new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    public void Dispose() => home.Dispose();
}
