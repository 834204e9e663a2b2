using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Platform.Certificates;
using Overture.Platform.Tls;

namespace Overture.Platform.PuppetHost;

/// <summary>The Puppet CA's chain: pinned into user data, and what puppetservers must chain to. Read again when the file changes.</summary>
/// <param name="file">PEM, the signing CA first.</param>
/// <param name="option">Which option names it, for errors.</param>
public sealed class PuppetCaBundle(string file, string option)
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
                var stamp = FileStamp.Of(file);
                if (loaded?.Stamp != stamp)
                    loaded = TryLoad(stamp) ?? loaded;
                return loaded ?? throw new InvalidOperationException($"{option}: {file} holds no self-signed CA certificate");
            }
        }
    }

    private Loaded? TryLoad(long stamp)
    {
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPemFile(file);
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
        public string Pem { get; } = certificates.Aggregate(new StringBuilder(), (text, c) => text.Append(c.ExportCertificatePem())
            .Append('\n')).ToString();

        /// <summary>
        /// The CA that signs leaves: the first that signed no other one here. Its clients alone are ours, not those of CAs beside or above
        /// it.
        /// </summary>
        public X509Certificate2 Signer { get; } = certificates.First(
            c => !certificates.Any(o => o != c && SignatureScheme.IsSignedBy(o.RawDataMemory, c)));

        /// <summary>Its subject key identifier (RFC 5280 §4.2.1.2), lower-case hex; empty: it has none.</summary>
        public string SignerKeyId => Signer.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault()
            ?.SubjectKeyIdentifierBytes is { } id
            ? Convert.ToHexStringLower(id.Span)
            : "";

        public IEnumerable<X509Certificate2> Intermediates => certificates.Where(c => !IsRoot(c));

        /// <summary>
        /// Trusts these roots and nothing of the host's; peers need not send intermediates. Revocation is asked of the store.
        /// </summary>
        public X509ChainPolicy Policy() => TrustPolicy.Of(certificates.Where(IsRoot), Intermediates);
    }
}
