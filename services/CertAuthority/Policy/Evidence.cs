using System.Net;
using Overture.CertAuthority.Csr;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>All that a decision rests on, as it stands in the object store.</summary>
internal sealed record Evidence
{
    public required CertName Name { get; init; }
    public required CsrFacts Request { get; init; }

    /// <summary>Where the request came from; null: from no agent (a held request looked at anew).</summary>
    public IPAddress? Peer { get; init; }

    /// <summary>There is a launch record, believed or not.</summary>
    public bool Registered { get; init; }

    /// <summary>The launch record, if a trusted key signed it for this name.</summary>
    public LaunchRecord? Launch { get; init; }

    /// <summary>The instance is being terminated, or is gone.</summary>
    public bool Ending { get; init; }

    /// <summary>The node has finished a good run.</summary>
    public bool Converged { get; init; }

    public IReadOnlyList<Block> Blocks { get; init; } = [];

    /// <summary>The claim that stands already, if any: of a registered name its one claim, of another its newest that is not revoked.</summary>
    public Claim? Claim { get; init; }

    /// <summary>The claim that stands was not written by this CA.</summary>
    public bool ForeignClaim { get; init; }

    /// <summary>A person refused this key for this name.</summary>
    public Denial? Denial { get; init; }

    /// <summary>This key was revoked as compromised.</summary>
    public bool KeyBlocked { get; init; }

    /// <summary>What the Conductor last heard of the instance from its provider, however old.</summary>
    public Observation? Observed { get; init; }

    public required DateTimeOffset Now { get; init; }

    public bool SameKey => Claim?.SpkiSha256 == Request.Key.SpkiSha256;
}
