using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Revocation;

/// <summary>Ends all that was certified under a name that a person gave, a certname or not.</summary>
internal sealed class RevokeCommonName(
    RevokeName revoke, RevokeUnclaimed revokeUnclaimed, ClaimStore claims, SpentNames spent, UnclaimedCertificates unclaimed,
    EnrollmentContextReader records)
{
    /// <param name="commonName">As the certificate has it.</param>
    /// <param name="cause">Why; kept.</param>
    /// <param name="by">Who asks.</param>
    /// <param name="cancel">Ends what is looked at before; a revocation that has begun goes on.</param>
    /// <exception cref="FaultException">INVALID: no such name can be; the CA API's own. NOT_FOUND: nothing is known of it.</exception>
    public async Task<RevokedSerial> Run(string commonName, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        // 1. What is no certname: only what was moved in has such a name, or was seen in use.
        if (!CertName.TryParse(commonName, out var name, out var rule))
        {
            return await revokeUnclaimed.Run(commonName, cause, by, CancellationToken.None)
                ?? throw FaultException.Invalid("certname",
                    $"{rule}; no certificate of this name was moved in either. Next: overture certificate revoke --serial SERIAL");
        }
        if (RequestNames.IsOwn(name))
        {
            throw FaultException.Invalid(
                "certname", "is the CA API's own: without it no agent can connect; to replace it, give the replica another name");
        }
        // 2. An unknown name is most likely a typing error.
        if (await claims.Readable(name, cancel) is ({ Count: 0 }, null) && !spent.Knows(name)
            && (await unclaimed.Of($"{name}", cancel)).Count == 0 && !(await records.Launch(name, cancel)).Registered)
        {
            throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"nothing was ever registered or certified for {name}");
        }
        // 3. Revoke.
        var (serials, crl) = await revoke.Run(name, cause, by, CancellationToken.None);
        return new RevokedSerial($"{name}", serials, crl);
    }
}
