using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>A person's word for a held request: what the certificate shall carry beside its name, and why.</summary>
/// <param name="Spki">The key the person saw; null: whichever waits (`puppetserver ca sign` names none, and only one key ever waits).</param>
/// <param name="Life">Null: by policy.</param>
internal sealed record Approval(CertName Name, string? Spki, string Reason, IReadOnlyList<string> DnsAltNames, IReadOnlyDictionary<string, string> Extensions, TimeSpan? Life);

/// <summary>Signs a request that waits for a person. What it asked for beside its name is never looked at: the approval is the grant.</summary>
internal sealed class ApproveRequest(
    HeldRequests held, ClaimStore claims, ClaimMaker maker, FinishClaim finish, EvidenceReader evidence, RevocationStore revocations, OwnKeys own,
    AuditLog audit, ObjectStore store, CertAuthorityOptions options, TimeProvider clock)
{
    /// <exception cref="FaultException">NOT_FOUND, HELD_OTHER_KEY, DEFINITION_MISSING, NAME_BLOCKED, NAME_TAKEN, KEY_BLOCKED, KEY_REUSED, INVALID_FIELD; in the audit log already.</exception>
    public async Task<CertificateRecord> Run(Approval approval, Caller by, CancellationToken cancel)
    {
        try
        {
            return await Approve(approval, by, cancel);
        }
        catch (FaultException refusal) when (refusal.Kind != FaultKind.Unavailable)
        {
            var decision = new Decision { Outcome = "refuse", Reason = refusal.Reason.Code(), Sentence = refusal.Message };
            await audit.Write("approval.refused", "deny", approval.Name.ToString(), by, decision: decision, cancel: cancel);
            throw;
        }
    }

    private async Task<CertificateRecord> Approve(Approval approval, Caller by, CancellationToken cancel)
    {
        var (name, grant) = (approval.Name, GrantOf(approval, by));
        // 1. The request the person saw.
        var waiting = await Waiting(name, approval.Spki, cancel);
        var request = HeldRequests.FactsOf(waiting);
        // 2. May it be signed at all?
        await Check(name, request, cancel);
        // 3. One name a key; then the claim, under the next number.
        if (own.Holds(request.Key.SpkiSha256) || !await claims.BindKey(request.Key.SpkiSha256, name, cancel))
            throw new FaultException(FaultKind.Invalid, Reason.KeyReused, "this key belongs to another name; each node needs a key of its own");
        grant.LifeSeconds = (long)(approval.Life ?? (request.Renews ? options.RenewingLeafLife : options.LeafLife)).TotalSeconds;
        var claim = await Claim(name, request, grant, waiting, $"{by.Actor} approved it: {approval.Reason}", cancel);
        // 4. Sign, store, look at the blocks again.
        var certificate = await finish.Run(claim, null, by, cancel)
            ?? throw new FaultException(FaultKind.Precondition, Reason.ClaimVoid, "the name was revoked while its certificate was being signed");
        // 5. Tell; it waits no more.
        await audit.Write("csr.approved", "allow", name.ToString(), by, claim.Serial, claim.SpkiSha256, claim.Decision, cancel);
        await held.Forget(name, cancel);
        return certificate;
    }

    private async Task<HeldRequest> Waiting(CertName name, string? spki, CancellationToken cancel)
    {
        var waiting = await held.Find(name, cancel)
            ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no certificate request waits for {name}");
        return spki is null || waiting.SpkiSha256 == spki
            ? waiting
            : throw new FaultException(FaultKind.Conflict, Reason.HeldOtherKey, $"the key that waits for {name} is {waiting.SpkiSha256}; look at it again");
    }

    private async Task Check(CertName name, CsrFacts request, CancellationToken cancel)
    {
        var facts = await evidence.Read(name, request, null, cancel);
        if (facts.KeyBlocked)
            throw new FaultException(FaultKind.Precondition, Reason.KeyBlocked, "this key was revoked as compromised; the node needs a new one");
        if (facts.Denial is { } denial)
            throw new FaultException(FaultKind.Precondition, Reason.RequestDenied, $"{denial.By} denied this key: {denial.Reason}; the node needs a new one");
        if (facts.Ending || facts.Blocks.Any(b => b.Kind != BlockKind.Revoked))
            throw new FaultException(FaultKind.Precondition, Reason.NameBlocked, $"{name} is blocked: {(facts.Blocks is [var block, ..] ? block.Sentence : "its instance ends")}");
        if (options.Approval.RequireDefinition && await store.Get(ObjectKeys.Node(name), cancel) is null)
        {
            throw new FaultException(FaultKind.Precondition, Reason.DefinitionMissing,
                $"{name} has no node definition, so its runs would fail for ever. Next: `overture certificate approve {name} --key KEY --reason TEXT --class CLASS`, or `overture node set {name} -f FILE --reason TEXT` first");
        }
    }

    private async Task<Claim> Claim(CertName name, CsrFacts request, Grant grant, HeldRequest waiting, string sentence, CancellationToken cancel)
    {
        while (true)
        {
            var standing = await claims.Of(name, cancel);
            foreach (var claim in standing.Where(c => claims.IsOurs(c) && c.NotAfter?.ToDateTimeOffset() > clock.GetUtcNow()))
            {
                // A crash after the claim: the same word again goes on from it.
                if (claim.SpkiSha256 == request.Key.SpkiSha256 && !await revocations.Contains(claim.Serial, cancel))
                    return claim;
                if (claim.Serial.Length == 0 || !await revocations.Contains(claim.Serial, cancel))
                    throw new FaultException(FaultKind.Conflict, Reason.NameTaken, $"{name} has a certificate of another key; revoke it first (`overture certificate revoke {name}`)");
            }
            var number = standing.Select(c => int.TryParse(c.Claim_, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0).DefaultIfEmpty().Max() + 1;
            var mine = maker.Make(name, $"{number}", request.Key, grant, Reason.Approved, sentence);
            mine.CsrReceivedAt = waiting.ReceivedAt;
            var stands = await claims.Put(mine, cancel);
            if (stands.WriteId == mine.WriteId)
                return stands;
        }
    }

    private static Grant GrantOf(Approval approval, Caller by)
    {
        var problems = new List<FieldProblem>();
        foreach (var dns in approval.DnsAltNames.Where(d => Uri.CheckHostName(d) != UriHostNameType.Dns || d.Any(char.IsAsciiLetterUpper)))
            problems.Add(new("dns_alt_names", $"'{dns}' is no host name in lower case"));
        foreach (var extension in approval.Extensions.Keys.Where(e => PuppetExtensions.OidOf(e) is null))
            problems.Add(new("extensions", $"{extension} may not be granted; only Puppet's registered and private extensions may"));
        if (approval.Life is { } life && (life < TimeSpan.FromMinutes(1) || life > TimeSpan.FromDays(3650)))
            problems.Add(new("life", "must be 1 minute to 3650 days"));
        if (problems.Count > 0)
            throw FaultException.Invalid([.. problems]);
        return new Grant
        {
            Source = Grants.Approval(by.Actor),
            DnsAltNames = { approval.DnsAltNames },
            Extensions = { approval.Extensions.ToDictionary(e => PuppetExtensions.OidOf(e.Key)!, e => e.Value) },
        };
    }
}
