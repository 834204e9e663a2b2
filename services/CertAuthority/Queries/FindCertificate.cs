using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Queries;

/// <summary>A certificate with the decision that made it.</summary>
internal sealed record FoundCertificate(CertificateRecord Certificate, bool Revoked, Decision Decision);

/// <summary>Looks, for administrators; unlike an agent's question it finishes nothing.</summary>
internal sealed class FindCertificate(ClaimStore claims, RevocationStore revocations, StockCertificates stock)
{
    /// <returns>The newest that is not revoked, else the newest; null when there is none.</returns>
    public async Task<FoundCertificate?> Run(CertName name, CancellationToken cancel)
    {
        FoundCertificate? newest = null;
        foreach (var claim in (await claims.Of(name, cancel)).OrderByDescending(c => c.ClaimedAt.ToDateTimeOffset()))
        {
            if (await Of(name, claim, cancel) is not { } found)
                continue;
            if (!found.Revoked)
                return found;
            newest ??= found;
        }
        return newest;
    }

    private async Task<FoundCertificate?> Of(CertName name, Claim claim, CancellationToken cancel)
    {
        if (claim.Issuer == Issuers.Stock)
        {
            return await stock.Genuine(name, cancel) is { } other
                ? new FoundCertificate(other, await stock.IsRevoked(name, cancel), claim.Decision)
                : null;
        }
        return await claims.Certificate(claim.Serial, cancel) is { } own
            ? new FoundCertificate(own, await revocations.Contains(SerialNumber.Recorded(claim.Serial), cancel), claim.Decision)
            : null;
    }
}
