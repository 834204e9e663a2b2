using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Storage;

namespace Overture.CertAuthority.Revocation;

/// <summary>Ends every certificate of a common name that no certname may be: there are no claims of it, so each serial by itself.</summary>
internal sealed class RevokeUnclaimed(UnclaimedCertificates unclaimed, RevokeSerial revoke)
{
    /// <returns>Null: there is none.</returns>
    public async Task<RevokedSerial?> Run(string commonName, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        RevokedSerial? last = null;
        var serials = new List<string>();
        foreach (var certificate in await unclaimed.Of(commonName, cancel))
        {
            last = await revoke.Run([SerialNumber.Recorded(certificate.Serial)], cause, by, cancel);
            serials.AddRange(last.Serials);
        }
        return last is null ? null : last with { Serials = serials };
    }
}
