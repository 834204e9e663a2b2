using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Tls;

namespace Overture.CertAuthority.Issuance;

/// <summary>
/// Keys of the house, which no node may bring (threats T29): those of the CAs, and of this service among its peers. The CA API's own leaf is
/// bound to its name like any other key.
/// </summary>
internal sealed class OwnKeys(CaSigner signer, CertAuthorityOptions options, TimeProvider clock)
{
    private readonly HashSet<string> chain = [.. signer.Ca.Chain.Select(Spki)];
    private readonly PeerCertificates peers = new(options.Tls, clock);

    /// <param name="spki">Lower-case hex SHA-256 of the SubjectPublicKeyInfo.</param>
    public bool Holds(string spki) => chain.Contains(spki) || peers.Current is var now && (Spki(now.Leaf) == spki || now.Roots.Any(root => Spki(root) == spki));

    private static string Spki(X509Certificate2 certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
}
