using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>The part of a claim that a state needs.</summary>
/// <param name="Id">"1".</param>
/// <param name="Serial">Of the certificate to come; empty: puppetserver's own CA signs.</param>
/// <param name="At">When the request came.</param>
internal sealed record Claimed(string Id, string Serial, Timestamp? At)
{
    public bool IsStock => Serial.Length == 0;
}

/// <summary>The part of a certificate that a state needs.</summary>
internal sealed record Signed(string Serial, Timestamp? At);

/// <summary>The part of a history entry that a state needs.</summary>
internal sealed record Served(string Id, Timestamp? At);

/// <summary>
/// All that the object store knows of an instance; <see cref="InstanceProjection"/> derives the state from it. Kept for every instance,
/// packed (<see cref="InstanceRow"/>): no documents in it.
/// </summary>
internal sealed record InstanceRecords
{
    public const string RegisteredProvider = "registered";

    public required CertName Name { get; init; }
    public required LaunchRecord Launch { get; init; }

    /// <summary>In any order.</summary>
    public IReadOnlyList<InstanceFact> Facts { get; init; } = [];

    /// <summary>The first claim: what the one-time token was spent on.</summary>
    public Claimed? Claim { get; init; }
    public Signed? Certificate { get; init; }

    /// <summary>The first history entry of kind "served": puppetserver asked, and was answered.</summary>
    public Served? FirstServed { get; init; }

    /// <summary>A request of this name that is held for approval.</summary>
    public HeldRequest? Held { get; init; }

    /// <summary>Refusals in the registry's timeline; empty when it does not answer, or once there is a claim.</summary>
    public IReadOnlyList<TimelineEvent> Refusals { get; init; } = [];

    /// <summary>Terminated while CertAuthority was silent, and it still has not said that the certificate is revoked.</summary>
    public bool Unrevoked { get; init; }

    /// <summary>It must not be terminated.</summary>
    public bool Protected => Updated?.Protected ?? Launch.Protected;

    /// <summary>When it ends by itself; null: never.</summary>
    public DateTimeOffset? Expires => Updated is { } updated ? updated.Expires.Maybe() : Launch.Expires.Maybe();

    /// <summary>It is to get nothing until that is lifted.</summary>
    public bool Quarantined =>
        Facts.Where(f => f.Event.StartsWith(InstanceEvents.Quarantined, StringComparison.Ordinal)
            || f.Event.StartsWith(InstanceEvents.Released, StringComparison.Ordinal))
        .MaxBy(f => f.Event[(f.Event.IndexOf('-', StringComparison.Ordinal) + 1)..],
            StringComparer.Ordinal)?.Event.StartsWith(InstanceEvents.Quarantined, StringComparison.Ordinal) == true;

    private InstanceFact? Updated =>
        Facts.Where(f => f.Event.StartsWith(InstanceEvents.Updated, StringComparison.Ordinal))
            .MaxBy(f => f.Event, StringComparer.Ordinal);

    public InstanceFact? Fact(string name) => Facts.FirstOrDefault(f => f.Event == name);

    /// <summary>Why the provider did not start it, as the last try that learned something else has it; null: it never refused.</summary>
    public InstanceFact? LaunchFailure => LaunchFailures
        .OrderByDescending(f => f.At.ToDateTimeOffset()).ThenByDescending(f => f.Event, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>Every refusal of the provider that was recorded.</summary>
    public IEnumerable<InstanceFact> LaunchFailures =>
        Facts.Where(f => f.Event == InstanceEvents.LaunchFailed
            || f.Event.StartsWith(InstanceEvents.LaunchFailedAgain, StringComparison.Ordinal));

    public IEnumerable<InstanceFact> FailedRuns =>
        Facts.Where(f => f.Event.StartsWith(InstanceEvents.RunFailed, StringComparison.Ordinal));

    public IEnumerable<InstanceFact> PartialRuns =>
        Facts.Where(f => f.Event.StartsWith(InstanceEvents.RunPartial, StringComparison.Ordinal));

    /// <summary>The part that can't change any more.</summary>
    public InstanceEvidence ToEvidence() => new()
    {
        Launch = Launch,
        Facts = { Facts },
        Claim = Claim?.Id ?? "",
        ClaimSerial = Claim?.Serial ?? "",
        CsrReceivedAt = Claim?.At,
        Serial = Certificate?.Serial ?? "",
        SignedAt = Certificate?.At,
        Served = FirstServed?.Id ?? "",
        ServedAt = FirstServed?.At,
    };

    public static InstanceRecords From(InstanceEvidence record) => new()
    {
        Name = CertName.Parse(record.Launch.Certname),
        Launch = record.Launch,
        Facts = record.Facts,
        Claim = record.Claim.Length > 0 || record.CsrReceivedAt is not null
            ? new Claimed(record.Claim, record.ClaimSerial, record.CsrReceivedAt) : null,
        Certificate = record.SignedAt is not null ? new Signed(record.Serial, record.SignedAt) : null,
        FirstServed = record.Served.Length > 0 || record.ServedAt is not null ? new Served(record.Served, record.ServedAt) : null,
    };
}
