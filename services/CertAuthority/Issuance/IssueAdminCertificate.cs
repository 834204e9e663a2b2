using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>What an administrator asks for.</summary>
/// <param name="Reason">For people; goes into the audit log.</param>
internal sealed record AdminAsk(string Certname, ReadOnlyMemory<byte> CsrPem, string Reason, TimeSpan Life, Caller By);

/// <summary>
/// The act behind `overture ca admin-cert`: a certificate with pp_cli_auth, whose holder is root on the CA API. Nothing else may grant that
/// extension, and a node's name never gets it. The same steps are in docs/flows.md.
/// </summary>
internal sealed class IssueAdminCertificate(
    ClaimStore claims, ClaimMaker maker, EvidenceReader evidence, FinishClaim finish, KeyBlocks keyBlocks, OwnKeys own, CertAuthorityOptions options, AuditLog audit, Ids ids)
{
    private const string ClaimPrefix = "admin-";

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
            await FreeKey(name, request.Key.SpkiSha256, cancel);
            // 4. Tell, on the disk, before there is anything: no administrator without a word about it.
            var claim = Made(name, request, ask);
            await audit.Write("cert.admin_issued", "allow", name.ToString(), ask.By, claim.Serial, claim.SpkiSha256, Told(claim.Decision, ask), cancel);
            if (!await audit.Flushed(cancel))
                throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the audit log can't be written, so no administrator is made; try again");
            // 5. Claim.
            await claims.Put(claim, cancel);
            // 6. Sign it, store, look at the blocks again.
            return await finish.Run(claim, null, ask.By, cancel)
                ?? throw new FaultException(FaultKind.Precondition, Reason.NameBlocked, $"{name} is blocked; take another name");
        }
        catch (FaultException refusal) when (refusal.Kind != FaultKind.Unavailable)
        {
            var decision = new Decision { Outcome = "refuse", Reason = refusal.Reason.Code(), Sentence = refusal.Message };
            await audit.Write("cert.admin_refused", "deny", CertName.TryParse(ask.Certname, out var name, out _) ? name.ToString() : "", ask.By, decision: decision, cancel: cancel);
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
            throw CsrFault.Of(Reason.CsrAttribute, "an administrator's request carries no attributes; the caller's own certificate is the proof");
    }

    private async Task NoNode(CertName name, CancellationToken cancel)
    {
        if ((await evidence.Launch(name, cancel)).Registered)
            throw new FaultException(FaultKind.Precondition, Reason.NameTaken, $"{name} is registered for an instance; an administrator needs a name of its own");
        if ((await claims.Of(name, cancel)).Any(c => !c.Claim_.StartsWith(ClaimPrefix, StringComparison.Ordinal)))
            throw new FaultException(FaultKind.Precondition, Reason.NameTaken, $"{name} has a node's certificate; an administrator needs a name of its own");
    }

    private async Task FreeKey(CertName name, string spki, CancellationToken cancel)
    {
        if (await keyBlocks.Holds(spki, cancel))
            throw CsrFault.Of(Reason.KeyBlocked, "this key was revoked as compromised; make a new one");
        if (own.Holds(spki) || !await claims.BindKey(spki, name, cancel))
            throw CsrFault.Of(Reason.KeyReused, "this key belongs to another name; make a new one");
    }

    private Claim Made(CertName name, CsrFacts request, AdminAsk ask)
    {
        var grant = new Grant { Source = Grants.Admin(ask.By.Actor), Extensions = { [PuppetExtensions.CliAuth] = "true" }, LifeSeconds = (long)ask.Life.TotalSeconds };
        return maker.Make(name, $"{ClaimPrefix}{ids.Ordered()}", request.Key, grant, Reason.AdminIssued, "an administrator's certificate (pp_cli_auth)");
    }

    // The claim's decision says what it is; the audit log also what it is for.
    private static Decision Told(Decision decision, AdminAsk ask)
    {
        var told = decision.Clone();
        told.Sentence = ask.Reason;
        return told;
    }
}
