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
/// One instance: its records, packed, as there may be 100,000; beside them what lists and sweeps ask of every instance. Immutable.
/// </summary>
internal sealed class InstanceRow
{
    private readonly byte[] packed;
    private readonly Passing? passing;
    private readonly Condition? condition;

    /// <param name="records">As read.</param>
    /// <param name="now">Deadlines that passed by then are missed.</param>
    public InstanceRow(InstanceRecords records, DateTimeOffset now)
    {
        condition = InstanceProjection.ConditionOf(records, now);
        packed = records.ToEvidence().ToByteArray();
        passing = records is { Held: null, Refusals.Count: 0, Unrevoked: false } ? null
            : new Passing(records.Held, records.Refusals, records.Unrevoked);
        Place = new Place(records.Launch.NotBefore.ToDateTimeOffset().ToUnixTimeMilliseconds(), records.Name);
        State = InstanceProjection.StateOf(records);
        Profile = records.Launch.Profile;
        Protected = records.Protected;
        Expires = records.Expires ?? DateTimeOffset.MaxValue;
        IsPending = records.Fact(InstanceEvents.Launched) is { Pending: true, InstanceId.Length: > 0 }
            && records.Fact(InstanceEvents.Running) is null;
        Facts = records.Facts.Aggregate(default(FactSet), (all, f) => all.With(f.Event));
    }

    public CertName Name => Place.Name;
    public Place Place { get; }
    public InstanceState State { get; }
    public InstanceTrouble Trouble => condition?.Kind ?? InstanceTrouble.Unspecified;
    public string Profile { get; }
    public bool Protected { get; }

    /// <summary>When it ends by itself; the maximum: never.</summary>
    public DateTimeOffset Expires { get; }

    /// <summary>The provider accepted it and has not started it yet.</summary>
    public bool IsPending { get; }

    public FactSet Facts { get; }

    /// <summary>Terminated while CertAuthority was silent (<see cref="InstanceRecords.Unrevoked"/>).</summary>
    public bool Unrevoked => passing?.Unrevoked == true;

    /// <summary>Nothing more is to come by itself (<see cref="InstanceProjection.IsSettled(InstanceState, InstanceTrouble)"/>).</summary>
    public bool IsSettled => InstanceProjection.IsSettled(State, Trouble);

    /// <summary>What the object store knows of it, unpacked: microseconds.</summary>
    public InstanceRecords Records()
    {
        var records = InstanceRecords.From(Evidence());
        return passing is null ? records
            : records with { Held = passing.Held, Refusals = passing.Refusals, Unrevoked = passing.Unrevoked };
    }

    /// <summary>What a snapshot keeps of it.</summary>
    public InstanceEvidence Evidence() => InstanceEvidence.Parser.ParseFrom(packed);

    /// <summary>As the API shows it.</summary>
    public Instance Instance() => Shown(Records());

    /// <summary>The same, where its records are at hand.</summary>
    public Instance Shown(InstanceRecords records) => InstanceProjection.From(records, condition);

    /// <summary>Whether the API shows the same of both.</summary>
    public bool ShowsTheSameAs(InstanceRow other) => packed.AsSpan().SequenceEqual(other.packed)
        && Trouble == other.Trouble && condition?.Detail == other.condition?.Detail;

    // What is not recorded, or passes.
    private sealed record Passing(HeldRequest? Held, IReadOnlyList<TimelineEvent> Refusals, bool Unrevoked);
}
