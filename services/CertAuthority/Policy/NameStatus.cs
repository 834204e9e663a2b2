using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>
/// Whether a name may have anything: the one answer for requests, approvals, renewals, certificates about to be released, and
/// puppetserver's own CA. Pure.
/// </summary>
/// <param name="Ending">The Conductor's fact: its instance is being terminated, or is gone.</param>
/// <param name="Blocks">All of ca/blocks that is of this name.</param>
internal sealed record NameStatus(bool Ending, IReadOnlyList<Block> Blocks)
{
    /// <summary>Nothing bars it.</summary>
    public static NameStatus Free { get; } = new(false, []);

    /// <summary>
    /// The block that a new claim by such a grant meets; null: none. A revocation ends a launched name for good, while a person may certify
    /// any other again.
    /// </summary>
    public Block? BlockOf(GrantKind grant) => Blocks.FirstOrDefault(b => b.Kind != BlockKind.Revoked || grant == GrantKind.Launch);

    /// <summary>The first block that can't be lifted, as a quarantine can; null: none.</summary>
    public Block? Final => Blocks.FirstOrDefault(b => b.Kind != BlockKind.Quarantined);

    /// <summary>Two keys came with its token.</summary>
    public bool Contested => Blocks.Any(b => b.Kind == BlockKind.Contested);

    /// <summary>Why a new claim by such a grant may not be made, in a sentence; null: it may.</summary>
    public string? Bar(GrantKind grant) => Bar(BlockOf(grant));

    /// <summary>
    /// Why nothing may be released by a claim that was made, in a sentence; null: it may. A revocation ends the claims of its moment, and
    /// what is renewed from them.
    /// </summary>
    public string? Bar(Claim claim) => Bar(BlockOf(claim.Grant.Kind())
        ?? Blocks.FirstOrDefault(b => b.Claims.Contains(claim.Claim_) || b.Claims.Contains(claim.Origin)));

    private string? Bar(Block? block) => block is not null
        ? $"the name is blocked: {block.Sentence}"
        : Ending ? "the instance is being terminated, or is gone" : null;
}
