using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Renewal;

/// <summary>
/// The act behind POST certificate_renewal (docs/puppet-contracts.md §1.7): a new certificate for the key of the one that was presented,
/// issued from the grant in its claim under today's policy, never copied from the old certificate. Idempotent by the serial presented.
/// </summary>
internal sealed class RenewCertificate(
    ClaimStore claims, ClaimMaker maker, IssueFromClaim issue, EnrollmentContextReader context, KeyBlocks keyBlocks,
    RevocationStore revocations, ReservedKeys reserved, AuditBudget budget, Timeline timeline, CertAuthorityOptions options)
{
    /// <param name="presented">By TLS: its chain holds, and the client has its key.</param>
    /// <exception cref="FaultException">RENEWAL_OFF or NOT_RENEWABLE.</exception>
    public async Task<CertificateRecord> Run(X509Certificate2 presented, Caller by, CancellationToken cancel)
    {
        if (!options.Renewal.Enabled)
            throw new FaultException(FaultKind.NotFound, Reason.RenewalOff, "Not Found");
        // 1. What was presented is what was released, and its claim says what it may carry.
        var serial = SerialNumber.Of(presented);
        var old = await Predecessor(presented, serial, by, cancel);
        var name = CertName.Parse(old.Certname);
        // 2. Nothing speaks against the name or the key today.
        var key = SubjectKeyReader.Read(presented.PublicKey.ExportSubjectPublicKeyInfo());
        if (await Bar(name, serial, key, cancel) is { } bar)
            throw await Refused(name, serial, bar, by, cancel);
        // 3. Claim: one successor for each serial.
        var mine = maker.Make(name, ClaimStore.Renewal($"{serial}"), key, GrantOf(old), Reason.Renewed,
            $"renewed for the key of {serial}, which was good", old.Origin.Length > 0 ? old.Origin : old.Claim_);
        var claim = await claims.Put(mine, cancel);
        // 4. Sign, store, look at the blocks again.
        var certificate = await issue.Run(claim, null, by, cancel)
            ?? throw await Refused(name, serial, "the name was revoked or ended meanwhile", by, cancel);
        // 5. Record it.
        if (claim.WriteId == mine.WriteId)
        {
            await RecordRenewal(name, serial, certificate, cancel);
        }
        else
        {
            await budget.Write(AuditAction.RenewedAgain.Record(claim.Certname, by, claim.Serial, claim.SpkiSha256, claim.Decision),
                isRegistered: true, cancel);
        }
        return certificate;
    }

    private async Task<Claim> Predecessor(X509Certificate2 presented, SerialNumber serial, Caller by, CancellationToken cancel)
    {
        if (await Released(serial, by, cancel) is not { } record || !CertName.TryParse(record.Certname, out var name, out _))
            throw await Refused(null, serial, "no certificate of this serial was released here", by, cancel);
        using var released = X509Certificate2.CreateFromPem(record.Pem);
        if (!released.RawDataMemory.Span.SequenceEqual(presented.RawDataMemory.Span))
            throw await Refused(name, serial, "it is not the certificate that was released under this serial", by, cancel);
        var claim = await claims.Find(name, record.Claim, cancel);
        if (claim is null || !claims.IsOurs(claim) || claim.Issuer == Issuers.Stock
            || claim.Grant.Kind() is GrantKind.Own or GrantKind.Admin)
        {
            throw await Refused(name, serial, claim is null
                ? "its claim is gone"
                : !claims.IsOurs(claim)
                ? "its claim was not written by this CA"
                : "certificates of this kind are not renewed; get a new one", by, cancel);
        }
        // The certificate carries the CA's signature, the claim does not: what the claim grants beyond it was added by another writer.
        return CertificateExtensionsReader.Cover(released, claim.Grant)
            ? claim
            : throw await Refused(name, serial, "its claim grants what it never carried", by, cancel);
    }

    private async Task<CertificateRecord?> Released(SerialNumber serial, Caller by, CancellationToken cancel)
    {
        try
        {
            return await claims.Certificate($"{serial}", cancel);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            throw await Refused(
                null, serial, "what the store holds under this serial is not the certificate that was released", by, cancel);
        }
    }

    private async Task<string?> Bar(CertName name, SerialNumber serial, SubjectKey key, CancellationToken cancel)
    {
        if (await revocations.Contains(serial, cancel))
            return "it is revoked";
        if ((await context.Status(name, cancel)).Bar(GrantKind.Predecessor) is { } bar)
            return bar;
        if (await keyBlocks.Holds(key.Hash, cancel))
            return "its key was revoked as compromised";
        return await reserved.Holds(key.Hash, cancel) ? "its key is one of the internal PKI; the node needs a key of its own" : null;
    }

    // Today's policy: what may not be granted any more is gone, and the life is today's, but never more than a person approved.
    private Grant GrantOf(Claim old)
    {
        var (policy, most) = ((long)options.RenewingLeafLife.TotalSeconds, MaxLife(old.Grant));
        return new()
        {
            Source = $"{new GrantSource(GrantKind.Predecessor)}",
            DnsAltNames = { old.Grant.DnsAltNames },
            Extensions =
                { old.Grant.Extensions.Where(e => PuppetExtensions.OidOf(e.Key) is not null).ToDictionary(e => e.Key, e => e.Value) },
            LifeSeconds = most > 0 ? Math.Min(policy, most) : policy,
            MostLifeSeconds = most,
        };
    }

    // An approval from before the bound was written down says by its life alone that it was chosen: less than policy gives.
    private long MaxLife(Grant old) => old.MostLifeSeconds > 0 ? old.MostLifeSeconds
        : old.Kind() == GrantKind.Approval && old.LifeSeconds < (long)options.RenewingLeafLife.TotalSeconds ? old.LifeSeconds
        : 0;

    private async Task RecordRenewal(CertName name, SerialNumber old, CertificateRecord certificate, CancellationToken cancel)
    {
        if ((await context.Launch(name, cancel)).Registered)
        {
            timeline.Add(AuditLog.Service, name, $"renewed:{old}", $"certificate {old} renewed: {certificate.Serial}",
                proof: ObjectKeys.Certificate(certificate.Serial));
        }
    }

    private async Task<FaultException> Refused(CertName? name, SerialNumber serial, string why, Caller by, CancellationToken cancel)
    {
        var decision = DecisionOutcome.Refuse.Because(Reason.NotRenewable, why);
        await budget.Write(
            AuditAction.RenewalRefused.Record($"{name}", by, $"{serial}", decision: decision), isRegistered: name is not null, cancel);
        return new FaultException(FaultKind.Denied, Reason.NotRenewable, why);
    }
}
