using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Approver;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Issuance;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>Why a name is revoked.</summary>
/// <param name="Kind">The block it leaves.</param>
/// <param name="Sentence">For people; kept.</param>
internal sealed record RevocationCause(BlockKind Kind, RevocationReason Reason, string Sentence);

/// <summary>
/// Ends everything that was certified for a name. The block comes first and the claims are listed after it, while the issuing side writes
/// its claim first and reads the blocks after: so of a race between the two, at least one sees the other.
/// </summary>
internal sealed class RevokeName(
    BlockStore blocks, KeyBlocks keyBlocks, ClaimStore claims, RevocationStore revocations, StockRevocation stock, CrlPublisher crls, AuditLog audit, EventLog events,
    Ids ids, TimeProvider clock)
{
    /// <returns>Every serial of the name, and the list that says so.</returns>
    public async Task<(IReadOnlyList<string> Serials, CrlRecord Crl)> Run(CertName name, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        // 1. Block: nothing is released for this name from now on.
        var standing = await Block(name, cause, by, cancel);
        // 2. Revoke every serial ever claimed, signed or not.
        var serials = await RevokeClaims(name, standing, cause, by, cancel);
        // 3. Publish: also while puppetserver's own CA is away.
        var crl = await crls.Publish(cancel);
        // 4. At puppetserver's own CA, what was claimed for that one.
        serials = [.. serials, .. await stock.Run(name, cause, by, cancel)];
        // 5. Tell.
        await events.Write(AuditLog.Service, name, "revoked", $"{cause.Sentence}; on CRL {crl.Number}", proof: ObjectKeys.Crl(crl.Number));
        return (serials, crl);
    }

    /// <summary>Steps 1 and 2; the list follows in its own time, and puppetserver's own CA by its approver.</summary>
    public async Task Start(CertName name, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        await RevokeClaims(name, await Block(name, cause, by, cancel), cause, by, cancel);
        await stock.Request(name, cancel);
        crls.Request();
    }

    // What stands for the name when its block does. A renewal names the claim it goes back to, and reads the blocks after its own claim is
    // written: so whatever this listing does not show is barred by a block that names what it goes back to.
    private async Task<IReadOnlyList<Claim>> Block(CertName name, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        var standing = await claims.Of(name, cancel);
        while (true)
        {
            await PutBlock(name, cause, standing, by, cancel);
            var now = await claims.Of(name, cancel);
            if (cause.Kind != BlockKind.Revoked || now.Count == standing.Count)
                return now;
            standing = now;
        }
    }

    private async Task PutBlock(CertName name, RevocationCause cause, IReadOnlyList<Claim> standing, Caller by, CancellationToken cancel)
    {
        var revoked = cause.Kind == BlockKind.Revoked;
        if (revoked && (await blocks.Of(name, cancel)).Any(b => b.Kind == BlockKind.Revoked && standing.All(c => b.Claims.Contains(c.Claim_))))
            return;
        var block = new Block
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            // One block of each kind says it all, but for "revoked": a hand-approved name may be certified anew, and revoked again.
            Id = revoked ? ids.Ordered() : cause.Kind.ToString().ToLowerInvariant(),
            Kind = cause.Kind,
            Sentence = cause.Sentence,
            By = by.Actor,
            At = clock.GetUtcNow().ToTimestamp(),
            Claims = { standing.Select(c => c.Claim_) },
        };
        if (await blocks.Put(block, cancel) == PutOutcome.Stored)
        {
            var decision = new Decision { Outcome = "block", Reason = Reason.NameBlocked.Code(), Sentence = cause.Sentence };
            await audit.Write("name.blocked", "allow", name.ToString(), by, decision: decision, cancel: cancel);
        }
    }

    private async Task<IReadOnlyList<string>> RevokeClaims(CertName name, IReadOnlyList<Claim> standing, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        var serials = new List<string>();
        foreach (var claim in standing)
        {
            if (cause.Reason == RevocationReason.KeyCompromise && claim.SpkiSha256.Length > 0)
                await keyBlocks.Add(claim, cancel);
            // A claim for puppetserver's own CA has no serial of ours.
            if (claim.Serial.Length == 0)
                continue;
            serials.Add(claim.Serial);
            if (await revocations.Put(claim, cause.Reason, cause.Sentence, by.Actor, cancel))
                await audit.Write("cert.revoked", "allow", name.ToString(), by, claim.Serial, claim.SpkiSha256, cancel: cancel);
        }
        return serials;
    }
}
