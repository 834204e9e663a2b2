using Google.Protobuf;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>Place of an instance in the list: newest first, then by name downwards, as the registry's index orders.</summary>
/// <param name="LaunchedMs">Unix time.</param>
internal readonly record struct Place(long LaunchedMs, CertName Name) : IComparable<Place>
{
    public int CompareTo(Place other) => LaunchedMs != other.LaunchedMs ? other.LaunchedMs.CompareTo(LaunchedMs)
        : string.CompareOrdinal(other.Name.ToString(), Name.ToString());
}

/// <summary>Which facts are known, to be compared with those that the store lists.</summary>
/// <param name="Count">How many.</param>
/// <param name="Hash">Of their names in any order; of use in this process only.</param>
internal readonly record struct FactSet(int Count, int Hash)
{
    public FactSet With(string fact) => new(Count + 1, Hash ^ string.GetHashCode(fact, StringComparison.Ordinal));
}

/// <summary>
/// One instance: its records, packed, as there may be 100,000; beside them what lists and sweeps ask of every instance. Immutable:
/// another kind that it is given (<see cref="Share"/>) says the same.
/// </summary>
internal sealed class InstanceRow
{
    private readonly byte[] packed;
    private readonly Passing? passing;
    private readonly IReadOnlyList<Condition> conditions;

    /// <param name="records">As read.</param>
    /// <param name="now">Deadlines that passed by then are missed.</param>
    public InstanceRow(InstanceRecords records, DateTimeOffset now)
    {
        var rules = ConditionRules.Of(records, now);
        conditions = rules.Found.Count == 0 ? [] : [.. rules.Found];
        NextChange = rules.NextChange;
        packed = records.ToEvidence().ToByteArray();
        passing = Passing.Of(records);
        Place = new Place(records.Launch.NotBefore.ToDateTimeOffset().ToUnixTimeMilliseconds(), records.Name);
        var state = InstanceProjection.StateOf(records);
        Way = ConvergedWay.Of(records);
        (Provider, Account, Region) = (string.Intern(records.Launch.Provider), string.Intern(records.Launch.Account),
            string.Intern(records.Launch.Region));
        InstanceId = records.Fact(InstanceEvents.Launched)?.InstanceId ?? "";
        Serial = records.Current?.Serial ?? records.Certificate?.Serial ?? "";
        Claims = records.Current?.Claims ?? 0;
        Labels = records.Launch.Labels.Count == 0 ? [] : [.. records.Launch.Labels];
        var isWell = conditions.All(c => c.Severity == ConditionSeverity.Info);
        Kind = new InstanceKind(state, conditions.Aggregate(0u, (mask, c) => mask | InstanceKind.Bit(c.Type)),
            IsHealthy: isWell && state != InstanceState.Terminated,
            MayHaveCause: !isWell || (state < InstanceState.Converged && passing is { Said.Length: > 0 } or { Console: not null }),
            HasConverged: Way is not null, records.IsOwn, string.Intern(records.Launch.Profile), string.Intern(records.Launch.Caller));
        Protected = records.Protected;
        Expires = records.Expires ?? DateTimeOffset.MaxValue;
        IsPending = records.Fact(InstanceEvents.Launched) is { Pending: true, InstanceId.Length: > 0 }
            && records.Fact(InstanceEvents.Running) is null;
        Ended = records.Fact(InstanceEvents.Terminated)?.At.Maybe();
        Facts = records.Facts.Aggregate(default(FactSet), (all, f) => all.With(f.Event));
    }

    public CertName Name => Place.Name;
    public Place Place { get; }

    /// <summary>What many others have too.</summary>
    public InstanceKind Kind { get; private set; }
    public InstanceState State => Kind.State;

    /// <summary>As the API shows them.</summary>
    public IReadOnlyList<Condition> Conditions => conditions;

    /// <summary>When a condition begins by itself; the maximum: never.</summary>
    public DateTimeOffset NextChange { get; }

    public string Provider { get; }
    public string Account { get; }
    public string Region { get; }

    /// <summary>The provider's; empty: none is known.</summary>
    public string InstanceId { get; }

    /// <summary>Of the certificate in use; empty: there is none.</summary>
    public string Serial { get; }

    /// <summary>How many claims there were when that was read; 0: it was not.</summary>
    public int Claims { get; }
    public IReadOnlyList<KeyValuePair<string, string>> Labels { get; }

    public bool IsOwn => Kind.IsOwn;
    public bool Protected { get; }

    /// <summary>When it ends by itself; the maximum: never.</summary>
    public DateTimeOffset Expires { get; }

    /// <summary>When its termination was over; null: it was not.</summary>
    public DateTimeOffset? Ended { get; }

    /// <summary>The provider accepted it and has not started it yet.</summary>
    public bool IsPending { get; }

    public FactSet Facts { get; }

    /// <summary>Terminated while CertAuthority was silent (<see cref="InstanceRecords.Unrevoked"/>).</summary>
    public bool Unrevoked => passing?.Unrevoked == true;

    /// <summary>How long its steps took; null: it has not converged.</summary>
    public ConvergedWay? Way { get; }

    public bool IsContested => passing?.Contested is not null;
    public bool IsRevoked => passing?.Revoked is not null;
    public bool HasClock => passing?.Clock is not null;

    public bool IsUndefined => passing?.UndefinedSince is not null;
    public Absence? Absence => passing?.Absence;
    public DefinitionFault? BrokenDefinition => passing?.BrokenDefinition;
    public LastRun? LastRun => passing?.LastRun;
    public ShownCause? Console => passing?.Console;

    /// <summary>Nothing more is to come by itself (<see cref="InstanceProjection.IsSettled"/>).</summary>
    public bool IsSettled => InstanceProjection.IsSettled(State, conditions);

    /// <summary>The types of the conditions, for the log.</summary>
    public string ConditionsText => conditions.Count == 0 ? "none" : string.Join(", ", conditions.Select(c => c.Type));

    /// <summary>The same kind, where another row has one: 100,000 share some.</summary>
    public void Share(InstanceKind same) => Kind = same;

    /// <summary>What is known of it, unpacked: microseconds.</summary>
    public InstanceRecords Records() => passing?.On(InstanceRecords.From(Evidence())) ?? InstanceRecords.From(Evidence());

    /// <summary>What a snapshot keeps of it.</summary>
    public InstanceEvidence Evidence() => InstanceEvidence.Parser.ParseFrom(packed);

    /// <summary>As the API shows it.</summary>
    public Instance Instance() => Shown(Records());

    /// <summary>The same, where its records are at hand.</summary>
    public Instance Shown(InstanceRecords records) => InstanceProjection.From(records, conditions);

    /// <summary>Whether the API shows the same of both, but for the time of the last report.</summary>
    public bool ShowsTheSameAs(InstanceRow other) => packed.AsSpan().SequenceEqual(other.packed) && ConditionsAreThoseOf(other);

    /// <summary>Whether the same conditions hold, for the same reasons.</summary>
    public bool ConditionsAreThoseOf(InstanceRow other) => conditions.SequenceEqual(other.conditions);

    // What is not recorded of the instance itself, or passes.
    private sealed record Passing(HeldRequest? Held, IReadOnlyList<TimelineEvent> Refusals, bool Unrevoked, CaRecord? Contested,
        CaRecord? Revoked, Absence? Absence, DateTimeOffset? UndefinedSince, DefinitionFault? BrokenDefinition, LastRun? LastRun,
        ShownCause? Console, ClockReading? Clock, byte[]? Said)
    {
        private static readonly Passing None = new(null, [], false, null, null, null, null, null, null, null, null, null);

        public static Passing? Of(InstanceRecords r)
        {
            var all = new Passing(r.Held, r.Refusals.Count == 0 ? None.Refusals : r.Refusals, r.Unrevoked, r.Contested, r.Revoked,
                r.Absence, r.UndefinedSince, r.BrokenDefinition, r.LastRun, r.Console, r.Clock, Packed(r.Said));
            return all == None ? null : all;
        }

        public InstanceRecords On(InstanceRecords records) => records with
        {
            Held = Held, Refusals = Refusals, Unrevoked = Unrevoked, Contested = Contested, Revoked = Revoked, Absence = Absence,
            UndefinedSince = UndefinedSince, BrokenDefinition = BrokenDefinition, LastRun = LastRun,
            Console = Console, Clock = Clock, Said = Said is null ? null : FirstBootRecord.Parser.ParseFrom(Said).Said,
        };

        private static byte[]? Packed(IReadOnlyList<SaidLine>? said) =>
            said is null ? null : new FirstBootRecord { Said = { said } }.ToByteArray();
    }
}
