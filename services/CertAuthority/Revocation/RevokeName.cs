using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// Ends everything that was certified for a name. The block comes first and the claims are listed after it, while the issuing side writes
/// its claim first and reads the blocks after: so of a race between the two, at least one sees the other.
/// </summary>
internal sealed class RevokeName(
    BlockStore blocks, KeyBlocks keyBlocks, ClaimStore claims, UnclaimedCertificates unclaimed, SpentNames spent,
    RevocationStore revocations,
    StockRevocation stock, CrlPublisher crls, AuditLog audit, Timeline timeline,
    Ids ids, TimeProvider clock)
{
    /// <returns>Every serial of the name, and the list that says so.</returns>
    /// <exception cref="UnreadableObjectException">A claim is damaged: all others are revoked and the name is blocked, but that one's
    /// serial is not known.</exception>
    public async Task<(IReadOnlyList<string> Serials, CrlRecord Crl)> Run(
        CertName name, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        // 1. Block: nothing is released for this name from now on.
        var standing = await Block(name, cause, by, cancel);
        // 2. Revoke every serial ever claimed, signed or not.
        var serials = await RevokeClaims(name, standing, cause, by, cancel);
        // 3. Publish: also while puppetserver's own CA is away.
        var crl = await crls.Publish(cancel);
        // 4. At puppetserver's own CA, what was claimed for that one.
        _ = await claims.Of(name, cancel); // a damaged one is said when all others are revoked
        serials = [.. serials, .. await stock.Run(name, cause, by, cancel)];
        // 5. Record it.
        timeline.Add(AuditLog.Service, name, "revoked", $"{cause.Sentence}; by {by.Actor}; on CRL {crl.Number}",
            proof: ObjectKeys.Crl(crl.Number));
        return (serials, crl);
    }

    /// <summary>Steps 1 and 2; the list follows in its own time, and puppetserver's own CA by its approver.</summary>
    public async Task Start(CertName name, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        await RevokeClaims(name, await Block(name, cause, by, cancel), cause, by, cancel);
        crls.Request();
        _ = await claims.Of(name, cancel);
        await stock.Request(name, cancel);
    }

    // What exists for the name when its block does. A renewal names the claim it goes back to, and reads the blocks after its own claim is
    // written: so whatever this listing does not show is barred by a block that names what it goes back to.
    private async Task<IReadOnlyList<Claim>> Block(CertName name, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        var standing = (await claims.Readable(name, cancel)).Claims;
        while (true)
        {
            await PutBlock(name, cause, standing, by, cancel);
            var now = (await claims.Readable(name, cancel)).Claims;
            if (cause.Kind != BlockKind.Revoked || now.Count == standing.Count)
                return now;
            standing = now;
        }
    }

    private async Task PutBlock(CertName name, RevocationCause cause, IReadOnlyList<Claim> standing, Caller by, CancellationToken cancel)
    {
        var revoked = cause.Kind == BlockKind.Revoked;
        if (revoked
            && (await blocks.Of(name, cancel)).Any(b => b.Kind == BlockKind.Revoked && standing.All(c => b.Claims.Contains(c.Claim_))))
        {
            return;
        }
        var block = new Block
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            // One block of each kind says it all, but for "revoked": a hand-approved name may be certified again, and revoked again.
            Id = revoked ? ids.Ordered() : cause.Kind.ToString().ToLowerInvariant(),
            Kind = cause.Kind,
            Sentence = cause.Sentence,
            By = by.Actor,
            At = clock.GetUtcNow().ToTimestamp(),
            Claims = { standing.Select(c => c.Claim_) },
        };
        if (await blocks.Put(block, cancel) == PutOutcome.Stored)
        {
            var decision = DecisionOutcome.Block.Because(Reason.NameBlocked, cause.Sentence);
            await audit.Write(AuditAction.NameBlocked.Record(name.ToString(), by, decision: decision)
                .Wrote(ObjectKeys.Block(name, block.Id), block), cancel);
        }
    }

    private async Task<IReadOnlyList<string>> RevokeClaims(
        CertName name, IReadOnlyList<Claim> standing, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        var serials = new List<string>();
        // Also what a client was seen to use under this name, without a claim; and claims that the store lost: their serials are
        // remembered here.
        var seen = (await unclaimed.Of(name.ToString(), cancel))
            .Select(c => new Claim { Serial = c.Serial, Certname = c.Certname, SpkiSha256 = c.SpkiSha256, NotAfter = c.NotAfter });
        var lost = !spent.Knows(name)
            ? []
            : spent.SerialsOf(name).Select(serial => new Claim { Certname = name.ToString(), Serial = serial });
        // Claims first: they hold more than the serials.
        foreach (var claim in standing.Concat(seen).Concat(lost).DistinctBy(c => c.Serial.Length > 0 ? c.Serial : $"claim {c.Claim_}"))
        {
            if (cause.Reason == RevocationReason.KeyCompromise && claim.SpkiSha256.Length > 0)
                await keyBlocks.Add(claim, cancel);
            // A claim for puppetserver's own CA has no serial of ours.
            if (claim.Serial.Length == 0)
                continue;
            serials.Add(claim.Serial);
            if (await revocations.Put(claim, cause.Reason, cause.Sentence, by.Actor, cancel) is { } fact)
            {
                await audit.Write(AuditAction.Revoked.Record(name.ToString(), by, claim.Serial, claim.SpkiSha256,
                        DecisionOutcome.Revoke.Because(Reason.None, cause.Sentence))
                    .Wrote(ObjectKeys.Revocation(claim.Serial), fact), cancel);
            }
        }
        return serials;
    }
}
