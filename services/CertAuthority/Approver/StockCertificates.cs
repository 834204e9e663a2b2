using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Approver;

/// <summary>ca/stock: what puppetserver's own CA made of our claims. Never mixed with our own certificates, since its serials begin at 1.</summary>
internal sealed class StockCertificates(ObjectStore store, Ids ids, TimeProvider clock)
{
    public Task<CertificateRecord?> Find(CertName name, CancellationToken cancel) => store.Get<CertificateRecord>(ObjectKeys.StockCertificate(name), cancel);

    public async Task<bool> IsRevoked(CertName name, CancellationToken cancel) => await store.Get(ObjectKeys.StockRevocation(name), cancel) is not null;

    /// <returns>True: nobody had written it down before.</returns>
    public async Task<bool> Put(Claim claim, StockCertificate certificate, CancellationToken cancel) =>
        await store.PutIfAbsent(ObjectKeys.StockCertificate(CertName.Parse(claim.Certname)), new CertificateRecord
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Serial = certificate.Serial,
            Certname = claim.Certname,
            Claim = claim.Claim_,
            Pem = certificate.Pem,
            SignedAt = clock.GetUtcNow().ToTimestamp(),
            NotAfter = certificate.NotAfter.ToTimestamp(),
            SpkiSha256 = certificate.SpkiSha256,
        }, cancel) == PutOutcome.Stored;

    /// <returns>True: nobody had written it down before.</returns>
    public async Task<bool> PutRevoked(CertName name, StockCertificate certificate, RevocationCause cause, string by, CancellationToken cancel) =>
        await store.PutIfAbsent(ObjectKeys.StockRevocation(name), new Records.V1.Revocation
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Serial = certificate.Serial,
            Certname = name.ToString(),
            // puppetserver gives no other.
            ReasonCode = (int)RevocationReason.KeyCompromise,
            Sentence = cause.Sentence,
            By = by,
            At = clock.GetUtcNow().ToTimestamp(),
            CertificateNotAfter = certificate.NotAfter.ToTimestamp(),
        }, cancel) == PutOutcome.Stored;
}
