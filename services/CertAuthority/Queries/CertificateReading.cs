using Overture.CertAuthority.Signing;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Queries;

/// <summary>Makes the row of a claim, or of a certificate without one.</summary>
internal sealed class CertificateReading(ClaimStore claims, StockCertificates stock)
{
    /// <param name="claim">As read.</param>
    /// <param name="released">There is a certificate under its serial.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Null: no certificate came of it (yet).</returns>
    public async Task<CertificateRow?> Of(Claim claim, bool released, CancellationToken cancel)
    {
        var source = claim.Grant?.Source ?? "";
        // 1. puppetserver's own CA signs, and the certificate is elsewhere
        if (claim.Issuer == Issuers.Stock)
            return await stock.Genuine(CertName.Parse(claim.Certname), cancel) is { } other ? Of(other, source, Issuers.Stock) : null;

        // 2. ours: it is in the claim, which is one read less for each of 100,000
        var isOurs = claims.IsOurs(claim);
        if (released && isOurs && TbsFacts.Read(claim.Tbs.Memory) is { } facts)
            return Row(claim, facts, source, claim.Issuer);

        // 3. moved in, or a claim of another writer: the certificate itself says what it is
        if (released && await claims.Certificate(claim.Serial, cancel) is { } certificate && certificate.Certname == claim.Certname)
            return Of(certificate, isOurs ? source : "", claim.Issuer == Issuers.Import ? Issuers.Import : Issuers.Own);

        // 4. moved in, and known by the inventory alone
        return isOurs && claim.Issuer == Issuers.Import && claim.Serial.Length > 0 ? Row(claim, null, source, Issuers.Import) : null;
    }

    /// <param name="certificate">As read, and verified.</param>
    /// <param name="source">Where what it carries comes from.</param>
    /// <param name="issuer">Whose CA signed it.</param>
    public static CertificateRow Of(CertificateRecord certificate, string source, string issuer)
    {
        var facts = certificate.Pem.Length > 0 ? TbsFacts.OfPem(certificate.Pem) : null;
        return new CertificateRow(certificate.Certname, certificate.Serial, facts?.NotBefore.ToUnixTimeSeconds(),
            certificate.NotAfter.Seconds, source, facts?.KeyAlgorithm ?? "", issuer);
    }

    private static CertificateRow Row(Claim claim, TbsFacts? facts, string source, string issuer) => new(claim.Certname, claim.Serial,
        facts?.NotBefore.ToUnixTimeSeconds(), claim.NotAfter.Seconds, source, facts?.KeyAlgorithm ?? "", issuer);
}
