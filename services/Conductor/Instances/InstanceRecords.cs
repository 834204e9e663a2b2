using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Records;
using Overture.Platform.Registry;
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

/// <summary>The certificate that an instance uses now: the first, or what it was renewed to.</summary>
/// <param name="Serial">Lower-case hex.</param>
/// <param name="NotAfter">Its end; null: not recorded.</param>
/// <param name="Claims">How many claims there were when this was read.</param>
internal sealed record CurrentCertificate(string Serial, Timestamp? NotAfter, int Claims);

/// <summary>What CertAuthority recorded against a name or its certificate.</summary>
/// <param name="Sentence">Why, for people.</param>
/// <param name="At">When.</param>
internal sealed record CaRecord(string Sentence, DateTimeOffset At);

/// <summary>What the provider says of an instance that does not run.</summary>
/// <param name="State">In the provider's words: stopped, stopping, shutting-down, terminated or missing.</param>
/// <param name="Why">As the provider has it; empty: it does not say.</param>
/// <param name="Since">When that was seen first.</param>
internal sealed record Absence(string State, string Why, DateTimeOffset Since);

/// <summary>What the last report said.</summary>
/// <param name="At">When it came; null: none has, as far as is known.</param>
/// <param name="Result">Of that run.</param>
/// <param name="Sentence">Why it was no good one; empty: it was.</param>
/// <param name="OverdueSince">Since when the next one is overdue; null: it is not.</param>
internal sealed record LastRun(DateTimeOffset? At, RunResult Result, string Sentence, DateTimeOffset? OverdueSince)
{
    public static LastRun None { get; } = new(null, RunResult.Good, "", null);

    public static LastRun Of(ReportedRun run) => new(run.At, run.Result, run.Sentence, null);
}

/// <summary>How far an instance's clock is off ours.</summary>
/// <param name="Ahead">Negative: behind.</param>
/// <param name="At">When it was compared.</param>
internal sealed record ClockReading(TimeSpan Ahead, DateTimeOffset At)
{
    /// <summary>What a request, a queue and a coarse clock may make of two clocks that agree.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(60);

    /// <summary>Since when it is off.</summary>
    public DateTimeOffset Since { get; init; } = At;

    public bool IsOff => Ahead.Duration() > Tolerance;

    /// <summary>Says the same of the clock.</summary>
    public bool Agrees(ClockReading? other) =>
        other is not null && IsOff == other.IsOff && (!IsOff || (Ahead - other.Ahead).Duration() <= Tolerance / 2);

    public static ClockReading? Of(FirstBootRecord? record) => record?.ClockAt.Maybe() is { } at
        ? new ClockReading(TimeSpan.FromMilliseconds(record.ClockAheadMs), at) : null;

    /// <summary>Says something new: none is known of a clock that is right.</summary>
    public bool Turns(ClockReading? known) => known is null ? IsOff : !Agrees(known);

    /// <summary>What is known after another reading: the same while that agrees, so that no report is a change.</summary>
    public static ClockReading Next(ClockReading? known, ClockReading reading) =>
        known is not null && (reading.At <= known.At || reading.Agrees(known)) ? known
        : reading with { Since = known is { IsOff: true } && known.Ahead > TimeSpan.Zero == reading.Ahead > TimeSpan.Zero
            ? known.Since : reading.At };
}

/// <summary>How the definition in the bucket is broken.</summary>
/// <param name="Version">Which version.</param>
/// <param name="Sentence">The rule that it breaks.</param>
/// <param name="At">When Classifier found it.</param>
internal sealed record DefinitionFault(string Version, string Sentence, DateTimeOffset At);

/// <summary>
/// All that the object store knows of an instance; <see cref="InstanceProjection"/> derives the state from it. Kept for every instance,
/// packed (<see cref="InstanceRow"/>): no documents in it.
/// </summary>
internal sealed record InstanceRecords
{
    public const string RegisteredProvider = "registered", OwnRole = "overture", PuppetserverRole = "puppetserver";

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

    /// <summary>The certificate in use; null where there is none, or it was not looked for.</summary>
    public CurrentCertificate? Current { get; init; }

    /// <summary>Two keys came with its token.</summary>
    public CaRecord? Contested { get; init; }

    /// <summary>The certificate in use is revoked.</summary>
    public CaRecord? Revoked { get; init; }

    /// <summary>The provider does not run it; null: it does, or was not asked.</summary>
    public Absence? Absence { get; init; }

    /// <summary>What its console shows; null: it was not read, or shows no known line.</summary>
    public ShownCause? Console { get; init; }

    /// <summary>Since when there is no definition of it; null: there is one, or that was not looked for.</summary>
    public DateTimeOffset? UndefinedSince { get; init; }

    /// <summary>The definition in the bucket is broken.</summary>
    public DefinitionFault? BrokenDefinition { get; init; }

    /// <summary>The last report after it converged; null: none is known.</summary>
    public LastRun? LastRun { get; init; }

    /// <summary>What its agent said, until it converges: the last 20 lines, oldest first; null: not read, or nothing is to come.</summary>
    public IReadOnlyList<SaidLine>? Said { get; init; }

    /// <summary>Its clock against ours, by its last report; null: none is known.</summary>
    public ClockReading? Clock { get; init; }

    /// <summary>It is what Overture or a puppetserver runs on.</summary>
    public bool IsOwn => Launch.Role is OwnRole or PuppetserverRole;

    /// <summary>It must not be terminated.</summary>
    public bool Protected => IsOwn || (Updated?.Protected ?? Launch.Protected);

    /// <summary>When it ends by itself; null: never.</summary>
    public DateTimeOffset? Expires => Updated is { } updated ? updated.Expires.Maybe() : Launch.Expires.Maybe();

    /// <summary>The fact that it is to get nothing; null: it is not, or that was lifted.</summary>
    public InstanceFact? Quarantine =>
        Facts.Where(f => f.Event.StartsWith(InstanceEvents.Quarantined, StringComparison.Ordinal)
            || f.Event.StartsWith(InstanceEvents.Released, StringComparison.Ordinal))
        .MaxBy(f => f.Event[(f.Event.IndexOf('-', StringComparison.Ordinal) + 1)..], StringComparer.Ordinal) is { } last
            && last.Event.StartsWith(InstanceEvents.Quarantined, StringComparison.Ordinal) ? last : null;

    /// <summary>Since when protection and end are as they are.</summary>
    public DateTimeOffset ChangedAt => Updated?.At.Maybe() ?? Launch.NotBefore.ToDateTimeOffset();

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

    /// <summary>With these of its agent's words where they go on from those that are known; none where nothing is to come.</summary>
    public InstanceRecords Heard(IReadOnlyList<SaidLine> stored) =>
        Said is { } known && LastOf(stored) > LastOf(known) ? this with { Said = [.. stored] } : this;

    private static uint LastOf(IReadOnlyList<SaidLine> said) => said is [.., var line] ? line.Number : 0;

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
        CurrentSerial = Current?.Serial ?? "",
        CurrentNotAfter = Current?.NotAfter,
        Claims = (uint)(Current?.Claims ?? 0),
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
        Current = record.CurrentSerial.Length > 0
            ? new CurrentCertificate(record.CurrentSerial, record.CurrentNotAfter, (int)record.Claims) : null,
    };
}
