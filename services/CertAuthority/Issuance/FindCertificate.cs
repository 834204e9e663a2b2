using Overture.CertAuthority.Revocation;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>A certificate with the decision that made it.</summary>
internal sealed record FoundCertificate(CertificateRecord Certificate, bool Revoked, Decision Decision);

/// <summary>Looks, for people; unlike an agent's question it finishes nothing.</summary>
internal sealed class FindCertificate(ClaimStore claims, RevocationStore revocations)
{
    /// <returns>The newest that is not revoked, else the newest; null when there is none.</returns>
    public async Task<FoundCertificate?> Run(CertName name, CancellationToken cancel)
    {
        FoundCertificate? newest = null;
        foreach (var claim in (await claims.Of(name, cancel)).Where(c => c.Serial.Length > 0).OrderByDescending(c => c.ClaimedAt.ToDateTimeOffset()))
        {
            if (await claims.Certificate(claim.Serial, cancel) is not { } certificate)
                continue;
            var found = new FoundCertificate(certificate, await revocations.Contains(claim.Serial, cancel), claim.Decision);
            if (!found.Revoked)
                return found;
            newest ??= found;
        }
        return newest;
    }
}
