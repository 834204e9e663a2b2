using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.State;

/// <summary>Of a claim, what a state takes.</summary>
/// <param name="Id">"1".</param>
/// <param name="Serial">Of the certificate to come; empty: puppetserver's own CA signs.</param>
/// <param name="At">When the request came.</param>
internal sealed record Claimed(string Id, string Serial, Timestamp? At)
{
    public bool IsStock => Serial.Length == 0;
}

/// <summary>Of a certificate, what a state takes.</summary>
internal sealed record Signed(string Serial, Timestamp? At);

/// <summary>Of a history entry, what a state takes.</summary>
internal sealed record Served(string Id, Timestamp? At);

/// <summary>All that the object store knows of an instance; <see cref="InstanceFold"/> makes a state of it. Kept for every instance: no documents in it.</summary>
internal sealed record Evidence
{
    public required CertName Name { get; init; }
    public required LaunchRecord Launch { get; init; }

    /// <summary>In any order.</summary>
    public IReadOnlyList<InstanceFact> Facts { get; init; } = [];

    /// <summary>The first claim: what the one-time token was spent on.</summary>
    public Claimed? Claim { get; init; }
    public Signed? Certificate { get; init; }

    /// <summary>The first history entry of kind "served": puppetserver asked, and was answered.</summary>
    public Served? FirstServed { get; init; }

    /// <summary>A request of this name that waits for a person.</summary>
    public HeldRequest? Held { get; init; }

    /// <summary>Refusals that the registry's timeline tells of; empty when it does not answer, or once there is a claim.</summary>
    public IReadOnlyList<TimelineEvent> Refusals { get; init; } = [];

    /// <summary>Terminated while CertAuthority was silent, and it still has not said that the certificate is revoked.</summary>
    public bool Unrevoked { get; init; }

    /// <summary>It must not be terminated.</summary>
    public bool Protected => Updated?.Protected ?? Launch.Protected;

    /// <summary>When it ends by itself; null: never.</summary>
    public DateTimeOffset? Expires => Updated is { } updated ? updated.Expires.Maybe() : Launch.Expires.Maybe();

    /// <summary>It is to get nothing until that is lifted.</summary>
    public bool Quarantined => Facts.Where(f => f.Event.StartsWith(FactLog.Quarantined, StringComparison.Ordinal) || f.Event.StartsWith(FactLog.Released, StringComparison.Ordinal))
        .MaxBy(f => f.Event[(f.Event.IndexOf('-', StringComparison.Ordinal) + 1)..], StringComparer.Ordinal)?.Event.StartsWith(FactLog.Quarantined, StringComparison.Ordinal) == true;

    private InstanceFact? Updated => Facts.Where(f => f.Event.StartsWith(FactLog.Updated, StringComparison.Ordinal)).MaxBy(f => f.Event, StringComparer.Ordinal);

    public InstanceFact? Fact(string name) => Facts.FirstOrDefault(f => f.Event == name);

    public IEnumerable<InstanceFact> FailedRuns => Facts.Where(f => f.Event.StartsWith(FactLog.RunFailed, StringComparison.Ordinal));
}
