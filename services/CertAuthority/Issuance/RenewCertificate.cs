using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>
/// The act behind POST certificate_renewal (puppet-contracts §1.7): a new certificate for the key of the one that was presented, issued from
/// the grant in its claim under today's policy, never copied from the old certificate. Idempotent by the serial presented.
/// </summary>
internal sealed class RenewCertificate(
    ClaimStore claims, ClaimMaker maker, FinishClaim finish, EvidenceReader evidence, BlockStore blocks, KeyBlocks keyBlocks, RevocationStore revocations,
    AuditLog audit, EventLog events, CertAuthorityOptions options)
{
    /// <param name="presented">By TLS: its chain holds, and the client has its key.</param>
    /// <exception cref="FaultException">RENEWAL_OFF or NOT_RENEWABLE.</exception>
    public async Task<CertificateRecord> Run(X509Certificate2 presented, Caller by, CancellationToken cancel)
    {
        if (!options.Renewal.Enabled)
            throw new FaultException(FaultKind.NotFound, Reason.RenewalOff, "Not Found");
        // 1. What was presented is what was released, and its claim says what it may carry.
        var serial = SerialText.Of(presented);
        var old = await Predecessor(presented, serial, by, cancel);
        var name = CertName.Parse(old.Certname);
        // 2. Nothing speaks against the name or the key today.
        var key = SubjectKeyReader.Read(presented.PublicKey.ExportSubjectPublicKeyInfo());
        if (await Bar(name, serial, key, cancel) is { } bar)
            throw await Refused(name, serial, bar, by, cancel);
        // 3. Claim: one successor for each serial.
        var mine = maker.Make(name, $"renew-{serial}", key, GrantOf(old), Reason.Renewed, $"renewed for the key of {serial}, which was good", old.Origin.Length > 0 ? old.Origin : old.Claim_);
        var claim = await claims.Put(mine, cancel);
        // 4. Sign, store, look at the blocks again.
        var certificate = await finish.Run(claim, null, by, cancel) ?? throw await Refused(name, serial, "the name was revoked or ended meanwhile", by, cancel);
        // 5. Tell.
        if (claim.WriteId == mine.WriteId)
            await Tell(name, serial, certificate, cancel);
        else
            await audit.Write("cert.renewed_again", "allow", claim.Certname, by, claim.Serial, claim.SpkiSha256, claim.Decision, cancel);
        return certificate;
    }

    private async Task<Claim> Predecessor(X509Certificate2 presented, string serial, Caller by, CancellationToken cancel)
    {
        if (await claims.Certificate(serial, cancel) is not { } record || !CertName.TryParse(record.Certname, out var name, out _))
            throw await Refused(null, serial, "no certificate of this serial was released here", by, cancel);
        using var released = X509Certificate2.CreateFromPem(record.Pem);
        if (!released.RawDataMemory.Span.SequenceEqual(presented.RawDataMemory.Span))
            throw await Refused(name, serial, "it is not the certificate that was released under this serial", by, cancel);
        var claim = await claims.Find(name, record.Claim, cancel);
        if (claim is null || !claims.IsOurs(claim) || claim.Issuer == Issuers.Stock || claim.Grant.Source == Grants.Own || Grants.IsAdmin(claim.Grant.Source))
            throw await Refused(name, serial, claim is null ? "its claim is gone" : !claims.IsOurs(claim) ? "its claim was not written by this CA" : "certificates of this kind are not renewed; get a new one", by, cancel);
        // The certificate carries the CA's signature, the claim does not: what the claim grants beyond it, somebody else has written there.
        return CarriedNames.Cover(released, claim.Grant) ? claim : throw await Refused(name, serial, "its claim grants what it never carried", by, cancel);
    }

    private async Task<string?> Bar(CertName name, string serial, SubjectKey key, CancellationToken cancel)
    {
        if (await revocations.Contains(serial, cancel))
            return "it is revoked";
        if (await evidence.Ending(name, cancel))
            return "the instance is being terminated, or is gone";
        if ((await blocks.Of(name, cancel)).FirstOrDefault(b => b.Kind != BlockKind.Revoked) is { } block)
            return $"the name is blocked: {block.Sentence}";
        return await keyBlocks.Holds(key.SpkiSha256, cancel) ? "its key was revoked as compromised" : null;
    }

    // Today's policy: what may not be granted any more is gone, and the life is today's.
    private Grant GrantOf(Claim old) => new()
    {
        Source = Grants.Predecessor,
        DnsAltNames = { old.Grant.DnsAltNames },
        Extensions = { old.Grant.Extensions.Where(e => PuppetExtensions.OidOf(e.Key) is not null).ToDictionary(e => e.Key, e => e.Value) },
        LifeSeconds = (long)options.RenewingLeafLife.TotalSeconds,
    };

    private async Task Tell(CertName name, string old, CertificateRecord certificate, CancellationToken cancel)
    {
        if ((await evidence.Launch(name, cancel)).Registered)
            await events.Write(AuditLog.Service, name, $"renewed:{old}", $"certificate {old} renewed: {certificate.Serial}", proof: ObjectKeys.Certificate(certificate.Serial));
    }

    private async Task<FaultException> Refused(CertName? name, string serial, string why, Caller by, CancellationToken cancel)
    {
        var decision = new Decision { Outcome = "refuse", Reason = Reason.NotRenewable.Code(), Sentence = why };
        await audit.Write("renewal.refused", "deny", $"{name}", by, serial, decision: decision, cancel: cancel);
        return new FaultException(FaultKind.Denied, Reason.NotRenewable, why);
    }
}
