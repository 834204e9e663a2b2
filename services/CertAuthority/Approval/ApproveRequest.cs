using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Approval;

/// <summary>A person's approval of a held request: what the certificate shall carry beside its name, and why.</summary>
/// <param name="Key">The key the person saw; null: whichever waits (`puppetserver ca sign` names none, and only one key ever
/// waits).</param>
/// <param name="Life">Null: by policy.</param>
internal sealed record ApprovalOrder(CertName Name, SpkiHash? Key, string Reason, IReadOnlyList<string> DnsAltNames,
    IReadOnlyDictionary<string, string> Extensions, TimeSpan? Life)
{
    /// <summary>The program that approves, for one that gives no reason.</summary>
    public string Through { get; init; } = "";

    /// <summary>For the records and the timeline.</summary>
    public string Sentence(Caller by) =>
        Through.Length > 0 ? $"approved by {by.Actor} through {Through}" : $"approved by {by.Actor}: {Reason}";
}

/// <summary>
/// Signs a request that waits for a person. What it asked for beside its name is never looked at: the approval is the grant.
/// </summary>
internal sealed class ApproveRequest(
    HeldRequests held, ClaimStore claims, ClaimMaker maker, IssueFromClaim issue, EnrollmentContextReader context,
    RevocationStore revocations, SpentNames spent, ReservedKeys reserved,
    AuditLog audit, ObjectStore store, CertAuthorityOptions options, TimeProvider clock)
{
    /// <exception cref="FaultException">NOT_FOUND, HELD_OTHER_KEY, DEFINITION_MISSING, NAME_BLOCKED, NAME_TAKEN, KEY_BLOCKED, KEY_REUSED,
    /// INVALID_FIELD; in the audit log already.</exception>
    public async Task<CertificateRecord> Run(ApprovalOrder approval, Caller by, CancellationToken cancel)
    {
        try
        {
            return await Approve(approval, by, cancel);
        }
        catch (FaultException refusal) when (refusal.Kind != FaultKind.Unavailable)
        {
            await audit.Write(AuditAction.ApprovalRefused, approval.Name.ToString(), by, decision: Decisions.Of(refusal), cancel: cancel);
            throw;
        }
    }

    private async Task<CertificateRecord> Approve(ApprovalOrder approval, Caller by, CancellationToken cancel)
    {
        var (name, grant) = (approval.Name, GrantOf(approval, by));
        // 1. The request the person saw.
        var waiting = await Waiting(name, approval.Key, cancel);
        var request = HeldRequests.FactsOf(waiting);
        // 2. May it be signed at all?
        await Check(name, request, cancel);
        // 3. One name a key; then the claim, under the next number.
        if (await reserved.Holds(request.Key.Hash, cancel) || !await claims.BindKey(request.Key.Hash, name, cancel))
        {
            throw new FaultException(
                FaultKind.Invalid, Reason.KeyReused, "this key belongs to another name; each node needs a key of its own");
        }
        grant.LifeSeconds = (long)(approval.Life ?? (request.Renews ? options.RenewingLeafLife : options.LeafLife)).TotalSeconds;
        var claim = await Claim(name, request, grant, waiting, approval.Sentence(by), cancel);
        // 4. Sign, store, look at the blocks again.
        var certificate = await issue.Run(claim, null, by, cancel)
            ?? throw new FaultException(
                FaultKind.Precondition, Reason.ClaimVoid, "the name was revoked while its certificate was being signed");
        // 5. Record it; it waits no more.
        await audit.Write(AuditAction.RequestApproved, name.ToString(), by, claim.Serial, claim.SpkiSha256, claim.Decision, cancel);
        await held.Forget(name, cancel);
        return certificate;
    }

    private async Task<HeldRequest> Waiting(CertName name, SpkiHash? key, CancellationToken cancel)
    {
        var waiting = await held.Find(name, cancel)
            ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no certificate request waits for {name}");
        return key?.Is(waiting.SpkiSha256) != false
            ? waiting
            : throw new FaultException(
                FaultKind.Conflict, Reason.HeldOtherKey, $"the key that waits for {name} is {waiting.SpkiSha256}; look at it again");
    }

    private async Task Check(CertName name, CsrFacts request, CancellationToken cancel)
    {
        var facts = await context.Read(name, request, null, cancel);
        if (facts.KeyBlocked)
        {
            throw new FaultException(
                FaultKind.Precondition, Reason.KeyBlocked, "this key was revoked as compromised; the node needs a new one");
        }
        if (facts.Denial is { } denial)
        {
            throw new FaultException(
                FaultKind.Precondition, Reason.RequestDenied, $"{denial.By} denied this key: {denial.Reason}; the node needs a new one");
        }
        if (facts.Status.Bar(GrantKind.Approval) is { } bar)
            throw new FaultException(FaultKind.Precondition, Reason.NameBlocked, $"{name} can't be certified: {bar}");
        if (options.Approval.RequireDefinition && await store.Get(ObjectKeys.Node(name), cancel) is null)
        {
            throw new FaultException(FaultKind.Precondition, Reason.DefinitionMissing,
                $"{name} has no node definition, so its runs would always fail. Next: `overture certificate approve {name} --key KEY "
                    + $"--reason TEXT --class CLASS`, or `overture node set {name} --unregistered -f FILE --reason TEXT` first");
        }
    }

    private async Task<Claim> Claim(
        CertName name, CsrFacts request, Grant grant, HeldRequest waiting, string sentence, CancellationToken cancel)
    {
        while (true)
        {
            // Asked before the store is: what is written in between is not lost.
            var (known, spentOnce) = (spent.Knows(name), spent.Holds(name));
            var standing = await claims.Of(name, cancel);
            foreach (var claim in standing.Where(c => claims.IsOurs(c) && c.NotAfter?.ToDateTimeOffset() > clock.GetUtcNow()))
            {
                // A crash after the claim: the same approval continues from it.
                if (request.Key.Hash.Is(claim.SpkiSha256) && !await IsRevoked(claim, cancel))
                    return claim;
                if (!await IsRevoked(claim, cancel))
                {
                    throw new FaultException(FaultKind.Conflict, Reason.NameTaken,
                        $"{name} has a certificate of another key; revoke it first (`overture certificate revoke {name}`)");
                }
            }
            var lost = standing.Count == 0 ? known : spentOnce && standing.All(c => c.Claim_ != ClaimStore.Launched);
            if (lost)
                await DemandRevoked(name, cancel);
            var number = standing.Select(c => int.TryParse(c.Claim_, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0)
                .DefaultIfEmpty(lost ? 1 : 0).Max() + 1;
            var mine = maker.Make(name, $"{number}", request.Key, grant, Reason.Approved, sentence);
            mine.CsrReceivedAt = waiting.ReceivedAt;
            var stands = await claims.Put(mine, cancel);
            if (stands.WriteId == mine.WriteId)
                return stands;
        }
    }

    // A claim for puppetserver's own CA has no serial, so it is not known to be.
    private async Task<bool> IsRevoked(Claim claim, CancellationToken cancel) =>
        claim.Serial.Length > 0 && await revocations.Contains(SerialNumber.Recorded(claim.Serial), cancel);

    // Its claims are gone from the store, its certificates may be good.
    private async Task DemandRevoked(CertName name, CancellationToken cancel)
    {
        foreach (var serial in spent.SerialsOf(name))
        {
            if (!await revocations.Contains(SerialNumber.Recorded(serial), cancel))
            {
                throw new FaultException(
                    FaultKind.Conflict, Reason.NameTaken,
                    $"{name} has the certificate {serial}, whose claim is gone from the store; revoke it first (`overture certificate "
                        + $"revoke {name}`)");
            }
        }
    }

    private static Grant GrantOf(ApprovalOrder approval, Caller by)
    {
        var problems = new List<FieldProblem>();
        foreach (var dns in approval.DnsAltNames.Where(d => Uri.CheckHostName(d) != UriHostNameType.Dns || d.Any(char.IsAsciiLetterUpper)))
            problems.Add(new("dns_alt_names", $"'{dns}' is not a lower-case host name"));
        foreach (var extension in approval.Extensions.Keys.Where(e => PuppetExtensions.OidOf(e) is null))
            problems.Add(new("extensions", $"{extension} may not be granted; only Puppet's registered and private extensions may"));
        if (approval.Life is { } life && (life < TimeSpan.FromMinutes(1) || life > TimeSpan.FromDays(3650)))
            problems.Add(new("life", "must be 1 minute to 3650 days"));
        if (problems.Count > 0)
            throw FaultException.Invalid([.. problems]);
        return new Grant
        {
            Source = $"{new GrantSource(GrantKind.Approval, by.Actor)}",
            MostLifeSeconds = (long)(approval.Life?.TotalSeconds ?? 0),
            DnsAltNames = { approval.DnsAltNames },
            Extensions = { approval.Extensions.ToDictionary(e => PuppetExtensions.OidOf(e.Key)!, e => e.Value) },
        };
    }
}
