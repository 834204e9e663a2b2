using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Connections;

namespace Overture.Platform.Tls;

/// <summary>PEM files of one identity: its certificate (chain, leaf first), its key, and the roots its peers must chain to.</summary>
public sealed record TlsFiles
{
    /// <summary>PEM file of the certificate, its chain after it; read again when it changes. Required.</summary>
    public string Certificate { get; init; } = "";

    /// <summary>PEM file of its key. Required.</summary>
    public string Key { get; init; } = "";

    /// <summary>PEM file of the roots that peers must chain to. Required.</summary>
    public string Roots { get; init; } = "";
}

/// <summary>
/// An identity that renews without a restart: the files are looked at again (at most once a second) when a handshake needs them, and a new
/// pair is taken when it loads whole. A half-written pair is passed over until the next look.
/// </summary>
public sealed class PeerCertificates(TlsFiles files, TimeProvider clock)
{
    private readonly Lock gate = new();
    private Loaded? loaded;
    private long looked;

    /// <summary>What is in the files now.</summary>
    /// <exception cref="InvalidOperationException">Nothing loadable is there, and never was.</exception>
    public Loaded Current
    {
        get
        {
            lock (gate)
            {
                if (loaded is null || clock.GetElapsedTime(looked) >= TimeSpan.FromSeconds(1))
                {
                    looked = clock.GetTimestamp();
                    var stamp = Stamp();
                    if (loaded?.Stamp != stamp)
                        loaded = TryLoad(stamp) ?? loaded;
                }
                return loaded
                    ?? throw new InvalidOperationException($"no usable certificate in {files.Certificate}, {files.Key}, {files.Roots}");
            }
        }
    }

    /// <summary>Reads the files now, also where they seem to be what they were.</summary>
    /// <returns>What is used from here on.</returns>
    /// <exception cref="InvalidOperationException">They are of no use; what was read before stays.</exception>
    public string Reload()
    {
        lock (gate)
        {
            loaded = TryLoad(Stamp())
                ?? throw new InvalidOperationException($"no usable certificate in {files.Certificate}, {files.Key}, {files.Roots}");
            return $"certificate {files.Certificate} read again, valid until "
                + $"{loaded.Leaf.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z, and {loaded.Roots.Count} roots";
        }
    }

    /// <summary>
    /// For a listener where every peer must show a certificate that one of our roots signed, or the CA that signed ours; TLS 1.3 only. Any
    /// other CA below a root could grant roles.
    /// </summary>
    public ListenerTls Listener()
    {
        var now = Current;
        return new ListenerTls(now.Context, now.Policy(), now.Issuers);
    }

    private string Stamp() => string.Join('|', new[] { files.Certificate, files.Key, files.Roots }.Select(FileStamp.Of));

    private Loaded? TryLoad(string stamp)
    {
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(files.Certificate);
            var leaf = X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
            chain.RemoveAt(0);
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(files.Roots);
            return new Loaded(stamp, leaf, chain, roots);
        }
        catch (Exception e) when (e is IOException or System.Security.Cryptography.CryptographicException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>One consistent reading of the files.</summary>
    public sealed class Loaded(string stamp, X509Certificate2 leaf, X509Certificate2Collection chain, X509Certificate2Collection roots)
    {
        internal string Stamp { get; } = stamp;
        public X509Certificate2 Leaf { get; } = leaf;
        public X509Certificate2Collection Roots { get; } = roots;
        public IReadOnlyList<X509Certificate2> Issuers { get; } = [.. roots, .. chain];
        public SslStreamCertificateContext Context { get; } = SslStreamCertificateContext.Create(leaf, chain, offline: true);

        /// <summary>Trusts our roots and nothing of the host's; revocation is each service's own affair.</summary>
        public X509ChainPolicy Policy() => TrustPolicy.Of(Roots);
    }
}
