using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Tls;

namespace Overture.Platform.Rpc;

/// <summary>Who acts by a console, and until when.</summary>
/// <param name="Peer">The person, with role and scope; its Caller says that it was by a console.</param>
/// <param name="Until">When what the console brings ends.</param>
/// <param name="Nonce">Names the session.</param>
public abstract record DelegatedPeer(PeerIdentity Peer, DateTimeOffset Until, string Nonce)
{
    /// <summary>When it ends by itself.</summary>
    public virtual DateTimeOffset End => Until;
}

/// <summary>One whose certificate's key signed a delegation.</summary>
/// <param name="Certificate">The person's.</param>
/// <param name="Issuers">From when to when every CA certificate above the person's is good.</param>
public sealed record CertifiedPeer(PeerIdentity Peer, X509Certificate2 Certificate, DateTimeOffset Until, string Nonce,
    (DateTimeOffset From, DateTimeOffset Until) Issuers) : DelegatedPeer(Peer, Until, Nonce)
{
    public override DateTimeOffset End => new[] { Until, Issuers.Until, new DateTimeOffset(Certificate.NotAfter) }.Min();
}

/// <summary>One whom the identity provider vouches for.</summary>
/// <param name="Subject">Who it is there.</param>
/// <param name="Key">Thumbprint of the provider's key that signed it.</param>
/// <param name="From">From when on.</param>
public sealed record IdentifiedPeer(PeerIdentity Peer, string Subject, string Key, DateTimeOffset From, DateTimeOffset Until,
    string Nonce) : DelegatedPeer(Peer, Until, Nonce);
