using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Reconcile;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What records and an inventory say of each other (docs/threats.md §3.5, T95).</summary>
public sealed class ComparisonTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Cloud = TimeSpan.FromMinutes(10);
    private readonly Ids ids = TestIds.New();

    [Fact]
    public void All_RecordAndInstance_Nothing()
    {
        var record = Record(launched: 60);
        Assert.Empty(Compare([record], [Seen(record)]));
    }

    [Theory]
    [InlineData(false, FindingKind.Lost)]
    [InlineData(true, FindingKind.ZombieCertificate)]
    public void All_InstanceGone_IsLostOrAZombie(bool signed, FindingKind kind)
    {
        var found = Assert.Single(Compare([Record(launched: 60, signed: signed)], [], missed: 3));
        Assert.Equal((kind, Remedy.Terminate, ""), (found.Kind, found.Remedy, found.HeldBack));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void All_MissingInFewerThanThreeLooks_WaitsInACloud(int looks)
    {
        Assert.Contains($"{looks} of 3", Assert.Single(Compare([Record(launched: 60)], [], looks)).HeldBack, StringComparison.Ordinal);
        Assert.Equal("", Assert.Single(Compare([Record(launched: 60)], [], looks, settling: TimeSpan.Zero)).HeldBack);
    }

    [Fact]
    public void All_YoungerThanTheProviderSettles_NothingIsConcluded()
    {
        Assert.Empty(Compare([Record(launched: 9)], [], missed: 9));
        Assert.Single(Compare([Record(launched: 11)], [], missed: 9));
    }

    [Fact]
    public void All_ProtectedAndGone_IsHeldBack() =>
        Assert.Contains("protected", Assert.Single(Compare([Record(launched: 60, change: l => l.Protected = true)], [], 3)).HeldBack,
            StringComparison.Ordinal);

    [Fact]
    public void All_RunsAndNobodyWroteItDown_IsAdopted()
    {
        var record = Record();
        Assert.Equal((FindingKind.Lost, Remedy.Adopt), Kinds(Assert.Single(Compare([record], [Seen(record)]))));
    }

    [Fact]
    public void All_CutOffBeforeTheProviderAnswered_IsAskedAgainUntilItsTokenEnds()
    {
        Assert.Equal((FindingKind.Lost, Remedy.AskAgain), Kinds(Assert.Single(Compare([Record(age: 6)], []))));
        Assert.Empty(Compare([Record(age: 4)], []));
        Assert.Empty(Compare([Record(age: 61)], []));
        Assert.Empty(Compare([Record(age: 6, facts: InstanceEvents.LaunchFailed)], []));
    }

    [Fact]
    public void All_Terminated_IsAGhostWhileItIsListed()
    {
        var record = Record(launched: 60, facts: InstanceEvents.Terminated);
        Assert.Equal((FindingKind.Ghost, Remedy.Stop), Kinds(Assert.Single(Compare([record], [Seen(record)]))));
        Assert.Empty(Compare([record], []));
        Assert.Equal((FindingKind.ZombieCertificate, Remedy.Remind), Kinds(Assert.Single(Compare([record with { Unrevoked = true }], []))));
    }

    [Fact]
    public void All_Terminating_IsLeftToTheSaga()
    {
        var record = Record(launched: 60, facts: InstanceEvents.Terminating);
        Assert.Empty(Compare([record], [Seen(record)]));
        Assert.Empty(Compare([record], [], missed: 9));
    }

    [Fact]
    public void All_OurMarkAndNoRecord_IsAnOrphanAfterAWhile()
    {
        var name = ids.CertName().ToString();
        Assert.Equal((FindingKind.Orphan, ""), Held(Compare([], [Seen(name, 31)])));
        Assert.Contains("not be written yet", Held(Compare([], [Seen(name, 29)])).HeldBack, StringComparison.Ordinal);
        Assert.Contains("not a certname", Held(Compare([], [Seen("../../etc", 31)])).HeldBack, StringComparison.Ordinal);
        Assert.Empty(Compare([], [Seen(name, 31)], foreign: name));
    }

    [Theory]
    [InlineData(6, 5, true)]
    [InlineData(7, 6, false)]
    [InlineData(200, 10, true)]
    [InlineData(200, 11, false)]
    public void All_ManyGoneAtOnce_TheBrakeHoldsAllOfThem(int records, int gone, bool ends)
    {
        var all = Enumerable.Range(0, records).Select(_ => Record(launched: 60)).ToList();
        var found = Compare(all, [.. all.Skip(gone).Select(r => Seen(r))], missed: 3);
        Assert.Equal(gone, found.Count);
        Assert.All(found, f => Assert.Equal(ends, f.HeldBack.Length == 0));
    }

    // A wrong region or filter lists nothing, too.
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void All_CloudThatListsNothingAtAll_IsNotBelievedOfSeveral(int records, bool ends) =>
        Assert.All(Compare([.. Enumerable.Range(0, records).Select(_ => Record(launched: 60))], [], missed: 3),
            f => Assert.Equal(ends, f.HeldBack.Length == 0));

    [Fact]
    public void All_TerminatedRecords_DoNotLoosenTheBrake()
    {
        var past = Enumerable.Range(0, 400).Select(_ => Record(launched: 60, facts: InstanceEvents.Terminated));
        var living = Enumerable.Range(0, 7).Select(_ => Record(launched: 60)).ToList();
        Assert.All(Compare([.. past, .. living], [Seen(living[0])], missed: 3), f => Assert.NotEqual("", f.HeldBack));
    }

    [Fact]
    public void All_TwoInstancesOfOneName_TheSecondIsTold()
    {
        var record = Record(launched: 60);
        var second = new Listed(record.Launch.Certname, new Sighting(Sighting.Running, "i-2", []), Now);
        var found = Assert.Single(Compare([record], [Seen(record), second]));
        Assert.Equal((FindingKind.Orphan, "i-2"), (found.Kind, found.InstanceId));
        Assert.Contains("yourself", found.HeldBack, StringComparison.Ordinal);
    }

    [Fact]
    public void All_WithALimit_GoesByThat()
    {
        var all = Enumerable.Range(0, 8).Select(_ => Record(launched: 60)).ToList();
        Assert.All(Compare(all, [], 3), f => Assert.Contains("--limit 8", f.HeldBack, StringComparison.Ordinal));
        Assert.All(Compare(all, [], 3, limit: 8), f => Assert.Equal("", f.HeldBack));
        Assert.All(Compare(all, [], 3, limit: 7), f => Assert.NotEqual("", f.HeldBack));
    }

    // A single instance of a further account or region, of which nothing is listed: another region, more likely than its end.
    [Fact]
    public void All_NothingListedInAFurtherAccount_IsHeldBackForOneToo()
    {
        var one = Record(launched: 60);
        Assert.Equal("", Assert.Single(Compare([one], [], missed: 3)).HeldBack);
        Assert.Contains("brake", Assert.Single(Compare([one], [], missed: 3, further: true)).HeldBack, StringComparison.Ordinal);
    }

    [Fact]
    public void Together_SmallAccountsThatEndMuch_HaveOneBrake()
    {
        var found = Enumerable.Range(0, 3).Select(_ =>
        {
            var all = Enumerable.Range(0, 3).Select(_ => Record(launched: 60)).ToList();
            return Compare(all, [Seen(all[0])], missed: 3);
        }).ToList();
        Assert.All(found.SelectMany(f => f), f => Assert.Equal("", f.HeldBack));
        Assert.All(Comparison.Together(found, living: 9).SelectMany(f => f),
            f => Assert.Contains("brake: 6 terminations", f.HeldBack, StringComparison.Ordinal));
        Assert.All(Comparison.Together(found, living: 120).SelectMany(f => f), f => Assert.Equal("", f.HeldBack));
    }

    private static (FindingKind, Remedy) Kinds(Discrepancy found) => (found.Kind, found.Remedy);

    private static (FindingKind Kind, string HeldBack) Held(IReadOnlyList<Discrepancy> found) =>
        (Assert.Single(found).Kind, found[0].HeldBack);

    private static IReadOnlyList<Discrepancy> Compare(
        IReadOnlyCollection<InstanceRecords> records, IReadOnlyCollection<Listed> inventory, int missed = 1, TimeSpan? settling = null,
        string? foreign = null, int limit = 0, bool further = false) =>
        new Comparison(settling ?? Cloud, [.. records.Select(ComparedRecord.From)], inventory, n => n == foreign, _ => missed, Now)
            { IsFurther = further }.All(limit);

    private InstanceRecords Record(int? launched = null, bool signed = false, int age = 30, string? facts = null,
        Action<LaunchRecord>? change = null)
    {
        var name = ids.CertName();
        var launch = new LaunchRecord { Certname = name.ToString(), NotBefore = Ago(launched ?? age),
            Deadline = Ago((launched ?? age) - 60) };
        change?.Invoke(launch);
        var all = new List<InstanceFact>();
        if (launched is { } minutes)
            all.Add(new() { Event = InstanceEvents.Launched, InstanceId = "i-1", At = Ago(minutes) });
        if (facts is not null)
            all.Add(new() { Event = facts, At = Ago(1) });
        return new InstanceRecords { Name = name, Launch = launch, Facts = all, Certificate = signed ? new Signed("01ab", null) : null };
    }

    private static Timestamp Ago(int minutes) => Now.AddMinutes(-minutes).ToTimestamp();

    private static Listed Seen(InstanceRecords record) => Seen(record.Launch.Certname, 60);

    private static Listed Seen(string name, int minutes) => new(name, new Sighting(Sighting.Running, "i-1", []), Now.AddMinutes(-minutes));
}
