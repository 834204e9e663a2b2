using System.Net;
using Overture.CertAuthority.Csr;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>All that a decision rests on, as found in the object store.</summary>
internal sealed record EnrollmentContext
{
    public required CertName Name { get; init; }
    public required CsrFacts Request { get; init; }

    /// <summary>Where the request came from; null: from no agent (a held request reviewed again).</summary>
    public IPAddress? Peer { get; init; }

    /// <summary>There is a launch record, believed or not.</summary>
    public bool Registered { get; init; }

    /// <summary>The launch record, if a trusted key signed it for this name.</summary>
    public LaunchRecord? Launch { get; init; }

    /// <summary>What bars the name; of one that is not registered no instance can end.</summary>
    public NameStatus Status { get; init; } = NameStatus.Free;

    /// <summary>The node has finished a good run.</summary>
    public bool Converged { get; init; }

    /// <summary>
    /// The existing claim, if any: of a registered name its one claim, of another its newest that is not revoked.
    /// </summary>
    public Claim? Claim { get; init; }

    /// <summary>The existing claim was not written by this CA.</summary>
    public bool ForeignClaim { get; init; }

    /// <summary>The one claim of this registered name was written once, and the store has it no more.</summary>
    public bool ClaimLost { get; init; }

    /// <summary>A person refused this key for this name.</summary>
    public Denial? Denial { get; init; }

    /// <summary>This key was revoked as compromised.</summary>
    public bool KeyBlocked { get; init; }

    /// <summary>What the Conductor last heard of the instance from its provider, however old.</summary>
    public Observation? Observed { get; init; }

    public required DateTimeOffset Now { get; init; }

    public bool SameKey => Request.Key.Hash.Is(Claim?.SpkiSha256);
}
