using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Tls;

namespace Overture.Cli;

/// <summary>HTTP/2 to one service: TLS 1.3, our certificate, and no other root than the internal CA's.</summary>
internal static partial class MutualTls
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(400), LongestAnswer = TimeSpan.FromSeconds(10);

    /// <param name="config">Names the files; each unusable one is a message of its own.</param>
    /// <param name="address">HOST:PORT, empty where the configuration does not say.</param>
    /// <param name="key">The configuration key of that address.</param>
    /// <param name="clock">Finds an expired certificate before the handshake fails without a reason.</param>
    /// <param name="step">Gets each step of the connection, for --replay.</param>
    public static SocketsHttpHandler Handler(CliConfig config, string address, string key, TimeProvider clock, Action<string>? step = null)
    {
        if (address.Length == 0)
            throw Failure.Config($"{config.Source} does not say where {key} is", $"add the line  {key}: HOST:PORT");
        TrustNothingOfTheHost();
        var own = Own(config, clock);
        step?.Invoke($"certificate {config.Certificate}: {Described(own)}, key {config.Key}");
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            // A watched stream over a dead network, or to a service that is frozen, must end.
            KeepAlivePingDelay = config.Silence,
            KeepAlivePingTimeout = config.Silence < LongestAnswer ? config.Silence : LongestAnswer,
            SslOptions = Options(config, own, (_, certificate, _, errors) =>
            {
                step?.Invoke(
                    $"handshake: {key} shows {(certificate is X509Certificate2 shown ? Described(shown) : "no certificate")}, "
                        + $"{(errors == SslPolicyErrors.None ? "trusted" : errors)}");
                return errors == SslPolicyErrors.None && certificate is X509Certificate2 peer && Serves(peer, key, address);
            }),
        };
        var turn = -1;
        handler.ConnectCallback = (target, cancel) => Connect(target.DnsEndPoint, Interlocked.Increment(ref turn), step, cancel);
        return handler;
    }

    /// <summary>What a service shows in a handshake, trusted or not; nothing is asked of it.</summary>
    /// <param name="config">Names the files; each unusable one is a message of its own.</param>
    /// <param name="address">HOST:PORT.</param>
    /// <param name="clock">As of <see cref="Handler"/>.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Null: it speaks no TLS.</returns>
    /// <exception cref="SocketException">It can't be reached.</exception>
    /// <exception cref="IOException">It ended the connection before it showed any.</exception>
    public static async Task<Doctor.ShownCertificate?> Shown(CliConfig config, string address, TimeProvider clock,
        CancellationToken cancel)
    {
        TrustNothingOfTheHost();
        Doctor.ShownCertificate? shown = null;
        var uri = new Uri($"https://{address}");
        await using var stream = await Connect(new DnsEndPoint(uri.Host, uri.Port), 0, null, cancel);
        await using var tls = new SslStream(stream);
        var options = Options(config, Own(config, clock), (_, certificate, chain, errors) =>
        {
            // The stream's own are disposed of with it.
            if (certificate is X509Certificate2 peer)
            {
                shown = new(X509CertificateLoader.LoadCertificate(peer.RawData), errors,
                    chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, s) => all | s.Status) ?? default);
            }
            return errors == SslPolicyErrors.None;
        });
        options.TargetHost = uri.Host;
        try
        {
            await tls.AuthenticateAsClientAsync(options, cancel);
        }
        catch (Exception e) when (e is AuthenticationException || (e is IOException && shown is not null))
        {
            // What it showed says why.
        }
        return shown;
    }

    private static SslClientAuthenticationOptions Options(CliConfig config, X509Certificate2 own,
        RemoteCertificateValidationCallback judge) => new()
    {
        EnabledSslProtocols = SslProtocols.Tls13,
        CertificateChainPolicy = TrustPolicy.Of(RootsOf(config)),
        RemoteCertificateValidationCallback = judge,
        ClientCertificateContext = SslStreamCertificateContext.Create(own, null, offline: true),
    };

    // Chain and host name are right, but is it the service? Another party's certificate of the same PKI must not answer for it.
    private static bool Serves(X509Certificate2 peer, string key, string address)
    {
        var identity = PeerIdentity.Of(peer);
        return identity.Roles.Contains(Enum.Parse<Role>(key, ignoreCase: true)) ? true
            : throw new AuthenticationException($"{identity.Name} at {address} is not a {key.ToLowerInvariant()}");
    }

    // Each connection begins at the next address of the name, so that what is tried again is tried at another replica; one that swallows
    // packets
    // is waited for only where there is no further one.
    private static async ValueTask<Stream> Connect(DnsEndPoint target, int turn, Action<string>? step, CancellationToken cancel)
    {
        var addresses = await Dns.GetHostAddressesAsync(target.Host, cancel);
        step?.Invoke($"{target.Host} is {string.Join(", ", addresses.Select(a => a.ToString()))}");
        for (var i = 1; ; i++)
        {
            var address = addresses[(turn + i - 1) % addresses.Length];
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            if (i < addresses.Length)
                limit.CancelAfter(Patience);
            try
            {
                await socket.ConnectAsync(address, target.Port, limit.Token);
                step?.Invoke($"connected to {socket.RemoteEndPoint}");
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e) when (i < addresses.Length && !cancel.IsCancellationRequested
                && (e is SocketException or OperationCanceledException))
            {
                step?.Invoke($"{address} does not answer");
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static string Described(X509Certificate2 certificate) =>
        $"{PeerIdentity.Of(certificate).Name}, until {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z";

    // .NET reads every file of /etc/ssl/certs at the first TLS call, 70 ms of 104; none of them is trusted here (docs/decisions/0003).
    // By libc: .NET's own SetEnvironmentVariable does not reach OpenSSL's getenv.
    private static void TrustNothingOfTheHost()
    {
        _ = SetEnv("SSL_CERT_DIR", "/nonexistent", 1);
        _ = SetEnv("SSL_CERT_FILE", "/nonexistent", 1);
    }

    private static X509Certificate2 Own(CliConfig config, TimeProvider clock)
    {
        var certificate = Text(config, config.Certificate, "certificate");
        var key = Text(config, config.Key, "key");
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
        {
            throw Failure.Config($"the certificate {config.Certificate} expired on {own.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z",
                Renew);
        }
        return own.NotBefore <= clock.GetUtcNow() ? own : throw Failure.Config(
            $"the certificate {config.Certificate} is valid from {own.NotBefore.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z only",
            "is this host's clock right?");
    }

    private static X509Certificate2Collection RootsOf(CliConfig config)
    {
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(Text(config, config.Roots, "roots"));
        }
        catch (CryptographicException e)
        {
            throw Failure.Config($"{config.Roots} holds no usable certificate: {e.Message}", Renew);
        }
        return roots.Count > 0 ? roots : throw Failure.Config($"{config.Roots} holds no certificate", Renew);
    }

    private static string Text(CliConfig config, string file, string what)
    {
        if (config.IsGuarded)
            FileGuard.Check(file, $"tls.{what}", secret: what == "key");
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
            throw Failure.Config($"tls.{what}: user {Environment.UserName} may not read {file}",
                "let that user read it, or run as the user it belongs to");
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
