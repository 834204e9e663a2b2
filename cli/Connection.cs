using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace Overture.Cli;

/// <summary>A channel to one service: TLS 1.3, our certificate, and no other root than the internal CA's.</summary>
internal sealed partial class Connection : IDisposable
{
    private readonly GrpcChannel channel;

    private Connection(GrpcChannel channel, string address)
    {
        this.channel = channel;
        Address = address;
    }

    /// <summary>HOST:PORT, for messages.</summary>
    public string Address { get; }

    public CallInvoker Calls => channel.CreateCallInvoker();

    /// <param name="config">Names the files; each unusable one is a message of its own.</param>
    /// <param name="address">HOST:PORT, empty where the configuration does not say.</param>
    /// <param name="key">The configuration key of that address.</param>
    /// <param name="clock">Against which an expired certificate is told, before the handshake fails opaquely.</param>
    public static Connection Open(CliConfig config, string address, string key, TimeProvider clock)
    {
        if (address.Length == 0)
            throw Failure.Config($"{config.Source} does not say where {key} is", $"add the line  {key}: HOST:PORT");
        TrustNothingOfTheHost();
        var own = Own(config, clock);
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(RootsOf(config));
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            // A watched stream over a dead network must end.
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateChainPolicy = policy,
                ClientCertificateContext = SslStreamCertificateContext.Create(own, null, offline: true),
            },
        };
        var channel = GrpcChannel.ForAddress($"https://{address}", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        return new Connection(channel, address);
    }

    public void Dispose() => channel.Dispose();

    // .NET reads every file of /etc/ssl/certs at the first TLS call, 70 ms of 104; none of them is trusted here (docs/decisions/0003).
    // By libc: .NET's own SetEnvironmentVariable does not reach OpenSSL's getenv.
    private static void TrustNothingOfTheHost()
    {
        _ = SetEnv("SSL_CERT_DIR", "/nonexistent", 1);
        _ = SetEnv("SSL_CERT_FILE", "/nonexistent", 1);
    }

    private static X509Certificate2 Own(CliConfig config, TimeProvider clock)
    {
        var certificate = Text(config.Certificate, "certificate");
        var key = Text(config.Key, "key");
        X509Certificate2 own;
        try
        {
            own = X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw Failure.Config($"{config.Certificate} and {config.Key} are not a certificate and its key: {e.Message}", Renew);
        }
        if (own.NotAfter < clock.GetUtcNow())
            throw Failure.Config($"the certificate {config.Certificate} expired on {own.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z", Renew);
        return own;
    }

    private static X509Certificate2Collection RootsOf(CliConfig config)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(Text(config.Roots, "roots"));
        }
        catch (CryptographicException e)
        {
            throw Failure.Config($"{config.Roots} holds no usable certificate: {e.Message}", Renew);
        }
        return roots.Count > 0 ? roots : throw Failure.Config($"{config.Roots} holds no certificate", Renew);
    }

    private static string Text(string file, string what)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Failure.Config($"tls.{what}: there is no file {file}", Renew);
        }
        catch (UnauthorizedAccessException)
        {
            throw Failure.Config($"tls.{what}: user {Environment.UserName} may not read {file}", "let that user read it, or run as the user it belongs to");
        }
        catch (IOException e)
        {
            throw Failure.Config($"tls.{what}: can't read {file}: {e.Message}", Renew);
        }
    }

    private const string Renew = "overture pki init makes what is missing or old";

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
