using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Overture.Cli.Pki;
using Overture.Platform.Certificates;
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

    /// <summary>A person's certificate, as `overture pki issue` makes it; from then on a party by that name.</summary>
    /// <param name="scope">Terms, comma-separated.</param>
    /// <returns>Its serial number.</returns>
    public SerialNumber Issue(string name, Role role, string scope = "") =>
        new PersonalCertificates(home.Path, TimeProvider.System).Issue(name, role,
            Scope.Parse(scope.Split(',', StringSplitOptions.RemoveEmptyEntries), out _), TimeSpan.FromDays(1), home.File("pki")).Serial;

    /// <summary>The serial number of a party's certificate.</summary>
    public SerialNumber SerialOf(string party) =>
        SerialNumber.Of(X509CertificateLoader.LoadCertificateFromFile(Files(party).Certificate));

    /// <summary>The next list of revoked certificates, signed by this PKI's CA, as `overture pki revoke` makes it.</summary>
    public InternalCrl Revoked(params SerialNumber[] serials)
    {
        using var ca = InternalCa.Open(home.Path);
        var revocations = new InternalRevocations(home.Path, ca, TimeProvider.System);
        return revocations.Next([revocations.Current()], serials);
    }

    /// <summary>A channel to a service on loopback, with this party's certificate.</summary>
    public GrpcChannel Channel(int port, string party) => GrpcChannel.ForAddress($"https://localhost:{port}",
        new GrpcChannelOptions { HttpHandler = Handler(party), DisposeHttpClient = true });

    /// <summary>Connections with this party's certificate.</summary>
    public SocketsHttpHandler Handler(string party)
    {
        var files = Files(party);
        var own = X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(files.Roots);
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateChainPolicy = policy,
                ClientCertificateContext = SslStreamCertificateContext.Create(own, null, offline: true),
            },
        };
    }

    public void Dispose() => home.Dispose();
}
