using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Approval;

/// <summary>What an administrator asks for.</summary>
/// <param name="Reason">For operators; goes into the audit log.</param>
internal sealed record AdminAsk(string Certname, ReadOnlyMemory<byte> CsrPem, string Reason, TimeSpan Life, Caller By);

/// <summary>
/// The act behind `overture ca admin-cert`: a certificate with pp_cli_auth, whose holder is root on the CA API. Nothing else may grant that
/// extension, and a node's name never gets it. The same steps are in docs/flows.md.
/// </summary>
internal sealed class IssueAdminCertificate(
    ClaimStore claims, ClaimMaker maker, EnrollmentContextReader context, IssueFromClaim issue, RevocationStore revocations,
    KeyBlocks keyBlocks, ReservedKeys reserved, CertAuthorityOptions options, AuditLog audit, Ids ids)
{
    /// <exception cref="FaultException">Refused; in the audit log already.</exception>
    public async Task<CertificateRecord> Run(AdminAsk ask, CancellationToken cancel)
    {
        try
        {
            // 1. Read: name, shape, key, signature; nothing but the key is taken.
            var name = Asked(ask.Certname);
            var request = CsrReader.Read(CsrPem.Read(ask.CsrPem.Span));
            RequestNames.Compare(name, request);
            Plain(request);
            // 2. Is the name free of nodes?
            await NoNode(name, cancel);
            // 3. One name a key.
            await FreeKey(name, request.Key.Hash, cancel);
            // 4. Record it, on the disk, before there is anything: no administrator without a record of it.
            var claim = Made(name, request, ask);
            await audit.Write(
                AuditAction.AdminIssued, name.ToString(), ask.By, claim.Serial, claim.SpkiSha256, WithReason(claim.Decision, ask), cancel);
            if (!await audit.Flushed(cancel))
            {
                throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable,
                    "the audit log can't be written, so no administrator is made; try again");
            }
            // 5. Claim.
            await claims.Put(claim, cancel);
            // 6. The name once more: admission of a node's request reads the claims after its registration, so at least one of the two sees
            // the other.
            await StillNoNode(name, claim, ask.By, cancel);
            // 7. Sign it, store, look at the blocks again.
            return await issue.Run(claim, null, ask.By, cancel)
                ?? throw new FaultException(FaultKind.Precondition, Reason.NameBlocked, $"{name} is blocked; take another name");
        }
        catch (FaultException refusal) when (refusal.Kind != FaultKind.Unavailable)
        {
            var certname = CertName.TryParse(ask.Certname, out var name, out _) ? name.ToString() : "";
            var record = AuditAction.AdminRefused.Record(certname, ask.By, decision: Decisions.Of(refusal));
            record.AskedName = AskedName.Of(ask.Certname);
            await audit.Write(record, cancel);
            throw;
        }
    }

    private CertName Asked(string text)
    {
        var name = RequestNames.Asked(text);
        if (name.IsUuid)
            throw CsrFault.Of(Reason.NameInvalid, "a name of this shape is an instance's; an administrator needs another");
        return options.ServerNames.Contains(name.ToString())
            ? throw CsrFault.Of(Reason.NameInvalid, "the certname is one of the CA's own")
            : name;
    }

    private static void Plain(CsrFacts request)
    {
        if (request.DnsNames.Count > 0)
            throw CsrFault.Of(Reason.CsrSan, "an administrator's request names no hosts; its certificate carries the certname alone");
        if (request.Extensions.Count > 0)
            throw CsrFault.Of(Reason.CsrExtension, "an administrator's request asks for no extensions; pp_cli_auth is added here");
        if (request.ChallengeSha256 is not null || request.Renews)
        {
            throw CsrFault.Of(
                Reason.CsrAttribute, "an administrator's request carries no attributes; the caller's own certificate is the proof");
        }
    }

    private async Task NoNode(CertName name, CancellationToken cancel)
    {
        if ((await context.Launch(name, cancel)).Registered)
        {
            throw new FaultException(FaultKind.Precondition, Reason.NameTaken,
                $"{name} is registered for an instance; an administrator needs a name of its own");
        }
        if ((await claims.Of(name, cancel)).Any(c => !ClaimStore.IsAdmin(c.Claim_)))
        {
            throw new FaultException(
                FaultKind.Precondition, Reason.NameTaken, $"{name} has a node's certificate; an administrator needs a name of its own");
        }
    }

    private async Task StillNoNode(CertName name, Claim claim, Caller by, CancellationToken cancel)
    {
        try
        {
            await NoNode(name, cancel);
        }
        catch (FaultException taken) when (taken.Reason == Reason.NameTaken)
        {
            await revocations.Put(claim, RevocationReason.CessationOfOperation, $"never released: {taken.Message}", by.Actor, cancel);
            throw;
        }
    }

    private async Task FreeKey(CertName name, SpkiHash key, CancellationToken cancel)
    {
        if (await keyBlocks.Holds(key, cancel))
            throw CsrFault.Of(Reason.KeyBlocked, "this key was revoked as compromised; make a new one");
        if (await reserved.Holds(key, cancel) || !await claims.BindKey(key, name, cancel))
            throw CsrFault.Of(Reason.KeyReused, "this key belongs to another name; make a new one");
    }

    private Claim Made(CertName name, CsrFacts request, AdminAsk ask)
    {
        var grant = new Grant
        {
            Source = $"{new GrantSource(GrantKind.Admin, ask.By.Actor)}",
            Extensions = { [PuppetExtensions.CliAuth] = "true" },
            LifeSeconds = (long)ask.Life.TotalSeconds,
        };
        return maker.Make(name, $"{ObjectKeys.AdminClaim}{ids.Ordered()}", request.Key, grant, Reason.AdminIssued,
            "an administrator's certificate (pp_cli_auth)");
    }

    // The claim's decision says what it is; the audit log also what it is for.
    private static Decision WithReason(Decision decision, AdminAsk ask)
    {
        var reasoned = decision.Clone();
        reasoned.Sentence = ask.Reason;
        return reasoned;
    }
}
