using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.StockCa;

/// <summary>
/// ca/stock: what puppetserver's own CA made of our claims. Never mixed with our own certificates, since its serials begin at 1.
/// </summary>
internal sealed class StockCertificates(ObjectStore store, StockCaOptions options, CaSigner signer, Ids ids, TimeProvider clock)
{
    /// <summary>The same as <see cref="Find"/>, fit to be handed out.</summary>
    /// <exception cref="InvalidDataException">What lies there is damaged, or no certificate of that CA for this name.</exception>
    public async Task<CertificateRecord?> Genuine(CertName name, CancellationToken cancel)
    {
        if (await Find(name, cancel) is not { } record)
            return null;
        // Ours may be that very CA, moved in since.
        var issuers = new X509Certificate2Collection { signer.Ca.Issuer };
        if (options.Enabled)
            issuers.ImportFromPemFile(options.Roots);
        var problem = record.Certname == name.ToString()
            ? new GenuineCertificates([.. issuers]).Problem(record, record.Serial)
            : "is another name's";
        return problem is null ? record : throw new InvalidDataException($"the object {ObjectKeys.StockCertificate(name)} {problem}");
    }

    public Task<CertificateRecord?> Find(CertName name, CancellationToken cancel) =>
        store.Get<CertificateRecord>(ObjectKeys.StockCertificate(name), cancel);

    public async Task<bool> IsRevoked(CertName name, CancellationToken cancel) =>
        await store.Get(ObjectKeys.StockRevocation(name), cancel) is not null;

    /// <returns>Null: none is recorded as revoked.</returns>
    public async Task<string?> RevokedSerial(CertName name, CancellationToken cancel) =>
        (await store.Get<Records.V1.Revocation>(ObjectKeys.StockRevocation(name), cancel))?.Serial;

    /// <returns>True: it was not recorded before.</returns>
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

    /// <returns>True: it was not recorded before.</returns>
    public async Task<bool> PutRevoked(
        CertName name, StockCertificate certificate, RevocationCause cause, string by, CancellationToken cancel) =>
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
