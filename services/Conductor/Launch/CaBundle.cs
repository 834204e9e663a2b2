using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Overture.Conductor.Launch;

/// <summary>The Puppet CA's chain: pinned into user data, and what report senders must chain to. Read anew when the file changes.</summary>
internal sealed class CaBundle(ConductorOptions options)
{
    private readonly Lock gate = new();
    private Loaded? loaded;

    /// <exception cref="InvalidOperationException">The file holds no CA certificate, and never did.</exception>
    public Loaded Current
    {
        get
        {
            lock (gate)
            {
                var stamp = File.GetLastWriteTimeUtc(options.Launch.CaBundle).Ticks;
                if (loaded?.Stamp != stamp)
                    loaded = TryLoad(stamp) ?? loaded;
                return loaded ?? throw new InvalidOperationException($"launch.caBundle: {options.Launch.CaBundle} holds no self-signed CA certificate");
            }
        }
    }

    private Loaded? TryLoad(long stamp)
    {
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPemFile(options.Launch.CaBundle);
            return certificates.Any(IsRoot) ? new Loaded(stamp, certificates) : null;
        }
        catch (Exception e) when (e is IOException or CryptographicException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool IsRoot(X509Certificate2 certificate) =>
        certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);

    /// <summary>One consistent reading.</summary>
    public sealed class Loaded(long stamp, X509Certificate2Collection certificates)
    {
        internal long Stamp { get; } = stamp;

        /// <summary>Only the certificates, one after the other: what agents get.</summary>
        public string Pem { get; } = certificates.Aggregate(new StringBuilder(), (text, c) => text.Append(c.ExportCertificatePem()).Append('\n')).ToString();

        public IEnumerable<X509Certificate2> Intermediates => certificates.Where(c => !IsRoot(c));

        /// <summary>Trusts these roots and nothing of the host's; peers need not send intermediates. Revocation is asked of the store.</summary>
        public X509ChainPolicy Policy()
        {
            var policy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            policy.CustomTrustStore.AddRange(certificates.Where(IsRoot).ToArray());
            policy.ExtraStore.AddRange(Intermediates.ToArray());
            return policy;
        }
    }
}
