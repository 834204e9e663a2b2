using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;

namespace Overture.Platform.Connections;

/// <summary>
/// Certificates of the internal PKI that were revoked, as last read. Asked at each request and not at the handshake, so that it counts on
/// connections that are open, and the caller reads why.
/// </summary>
public sealed class RevokedPeers
{
    private volatile HashSet<SerialNumber> serials = [];

    /// <summary>More are revoked than before. Handlers must be quick and not throw.</summary>
    public event Action? Changed;

    /// <param name="revoked">All of them; one that was revoked before stays so.</param>
    public void Take(IEnumerable<SerialNumber> revoked)
    {
        var all = new HashSet<SerialNumber>(serials);
        all.UnionWith(revoked);
        if (all.Count == serials.Count)
            return;
        serials = all;
        Changed?.Invoke();
    }

    /// <returns>Null: it is not revoked. Else a sentence.</returns>
    public string? Problem(X509Certificate2 certificate)
    {
        var known = serials;
        return known.Count > 0 && known.Contains(SerialNumber.Of(certificate))
            ? $"the client certificate (serial {SerialNumber.Of(certificate)}) was revoked: ask for another (overture pki issue)" : null;
    }

    /// <summary>The error that a caller gets.</summary>
    public static FaultException Fault(string sentence) => new(FaultKind.Denied, Reason.CertificateRevoked, sentence);
}
