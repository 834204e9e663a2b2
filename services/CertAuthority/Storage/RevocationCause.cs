using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>Why a name is revoked.</summary>
/// <param name="Kind">The block it leaves.</param>
/// <param name="Sentence">For operators; kept.</param>
internal sealed record RevocationCause(BlockKind Kind, RevocationReason Reason, string Sentence);
