using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Explain;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What is counted and found by kind is what a walk of all instances finds.</summary>
public sealed class InstanceKindTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch.AddDays(20_000);
    private static readonly string[] Events =
        [InstanceEvents.Launched, InstanceEvents.Running, InstanceEvents.Converged, InstanceEvents.Terminating, InstanceEvents.Terminated];

    private static readonly SaidLine[] Said =
    [
        new() { Number = 1, Level = "notice", Text = "Starting Puppet client", At = Start.AddHours(2).ToTimestamp() },
        new() { Number = 2, Level = "err", Text = "Could not request certificate: Connection refused - connect(2)",
            At = Start.AddHours(2).ToTimestamp() },
    ];

    private static readonly InstanceFilter[] Filters =
    [
        new(), new() { ShowTerminated = true }, new() { ShowTerminated = true, ShowOwn = true },
        new() { States = { InstanceState.Converged } }, new() { States = { InstanceState.Requested, InstanceState.Terminated } },
        new() { Conditions = { ConditionType.Protected } },
        new() { Conditions = { ConditionType.Unclassified, ConditionType.Stalled }, Profile = "web" },
        new() { Profile = "db", LaunchedBy = "jo" }, new() { Profile = "none of these" }, new() { LaunchedBy = "kim", ShowOwn = true },
        new() { Since = Start.AddMinutes(40).ToTimestamp() },
        new() { Before = Start.AddMinutes(40).ToTimestamp(), States = { InstanceState.Running } },
        new() { Prefix = "0" }, new() { Selector = "team=blue,!old", Profile = "web" }, new() { Selector = "team=nobody" },
    ];

    [Fact]
    public void CountsAndPages_AfterChangesOfAllSorts_AreThoseOfAWalk()
    {
        var (random, ids, rows) = (new Random(17), TestIds.New(), new InstanceRows());
        var names = Enumerable.Range(0, 300).Select(_ => ids.CertName()).ToList();
        for (var turn = 0; turn < 3_000; turn++)
        {
            var place = random.Next(names.Count);
            if (random.Next(20) == 0)
                rows.Drop(names[place]);
            else
                rows.Keep(Row(names[place], place, random));
            if (turn % 500 == 499)
                IsThatOfAWalk(rows);
        }
        names.ForEach(rows.Drop);
        Assert.Empty(rows.Kinds(new InstanceQuery(new() { ShowTerminated = true, ShowOwn = true })));
    }

    [Fact]
    public void CountsAndPages_AfterChangesByManyAtOnce_AreThoseOfAWalk()
    {
        var (ids, rows) = (TestIds.New(), new InstanceRows());
        var names = Enumerable.Range(0, 50).Select(_ => ids.CertName()).ToList();
        var query = new InstanceQuery(new());
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, seed =>
        {
            var random = new Random(seed);
            for (var turn = 0; turn < 1_000; turn++)
            {
                var place = random.Next(names.Count);
                rows.Keep(Row(names[place], place, random));
                if (turn % 10 == 0)
                    Assert.InRange(rows.Take(null, 500, query.Matches, kinds: query.MayMatch).Count, 0, names.Count);
            }
        });
        IsThatOfAWalk(rows);
    }

    [Fact]
    public void Row_ThatIsKept_SharesTheKindOfOthersLikeIt()
    {
        var (ids, rows) = (TestIds.New(), new InstanceRows());
        InstanceRow[] two = [Row(ids.CertName(), 1, new Random(1)), Row(ids.CertName(), 2, new Random(1))];
        Assert.NotSame(two[0].Kind, two[1].Kind);
        foreach (var row in two)
            rows.Keep(row);
        Assert.Same(two[0].Kind, two[1].Kind);
    }

    // Of the others a fleet's causes ask none.
    [Fact]
    public void Row_WithACause_IsOfAKindThatMayHaveOne()
    {
        var (random, ids) = (new Random(23), TestIds.New());
        var found = new List<FoundCause>();
        for (var i = 0; i < 3_000; i++)
        {
            var row = Row(ids.CertName(), i, random);
            var records = row.Records();
            var first = InstanceCauses.Of(records, row.Conditions, InstanceCauses.Shown(records), InstanceCauses.Said(records, null))
                .FirstOrDefault();
            Assert.True(row.Kind.MayHaveCause || first is null, $"{first}");
            Assert.True(row.Kind.MayHaveCause || !UncollectedCertificates.IsInDoubt(records, row.Conditions));
            if (first is not null)
                found.Add(first);
        }
        Assert.Contains(found, f => f is { Type: ConditionType.Unspecified, Cause.Reason: "CONNECTION_REFUSED" });
        Assert.Contains(found, f => f is { Type: ConditionType.Unspecified, Cause.Reason: "DISK_FULL" });
        Assert.Contains(found, f => f.Type is not (ConditionType.Unspecified or ConditionType.Stalled));
    }

    private static void IsThatOfAWalk(InstanceRows rows)
    {
        foreach (var filter in Filters)
        {
            var query = new InstanceQuery(filter);
            var walked = rows.All.Where(query.Matches).OrderBy(r => r.Place).ToList();
            var kinds = rows.Kinds(query);
            Assert.DoesNotContain(kinds, k => k.Count < 1);
            Assert.Equal(walked.Count, kinds.Sum(k => k.Count));
            foreach (var state in System.Enum.GetValues<InstanceState>())
                Assert.Equal(walked.Count(r => r.State == state), kinds.Where(k => k.Kind.State == state).Sum(k => k.Count));
            foreach (var type in System.Enum.GetValues<ConditionType>())
            {
                Assert.Equal(walked.Count(r => r.Conditions.Any(c => c.Type == type)),
                    kinds.Where(k => k.Kind.Types.Contains(type)).Sum(k => k.Count));
            }
            Assert.Equal(walked.Count(r => r.State != InstanceState.Terminated
                && r.Conditions.All(c => c.Severity == ConditionSeverity.Info)), kinds.Where(k => k.Kind.IsHealthy).Sum(k => k.Count));
            Assert.Equal(walked.Count(r => r.Way is not null), kinds.Where(k => k.Kind.HasConverged).Sum(k => k.Count));
            Assert.Equal(walked, Paged(rows, query, oldestFirst: false));
            Assert.Equal(walked.AsEnumerable().Reverse(), Paged(rows, query, oldestFirst: true));
        }
    }

    private static List<InstanceRow> Paged(InstanceRows rows, InstanceQuery query, bool oldestFirst)
    {
        var found = new List<InstanceRow>();
        Place? after = null;
        while (rows.Take(after, 7, query.Matches, oldestFirst, query.MayMatch) is { Count: > 0 } page)
        {
            found.AddRange(page);
            after = page[^1].Place;
        }
        return found;
    }

    private static InstanceRow Row(CertName name, int place, Random random) => new(new InstanceRecords
    {
        Name = name,
        Launch = new LaunchRecord
        {
            Certname = $"{name}", Provider = "ec2", NotBefore = Start.AddSeconds(place / 2 * 30).ToTimestamp(),
            Deadline = Start.AddHours(random.Next(2) * 10).ToTimestamp(),
            Profile = random.Next(3) switch { 0 => "web", 1 => "db", _ => "" },
            Caller = random.Next(2) == 0 ? "jo" : "kim", Protected = random.Next(4) == 0, Role = random.Next(8) == 0 ? "puppetserver" : "",
            Labels = { ["team"] = random.Next(2) == 0 ? "blue" : "red" },
        },
        UndefinedSince = random.Next(4) == 0 ? Start : null,
        Said = random.Next(3) switch { 0 => Said, 1 => [], _ => null },
        Console = random.Next(3) == 0 ? new ShownCause("DISK_FULL", "a disk is full", "No space left on device", "give it more") : null,
        Facts = [.. Events.Take(random.Next(Events.Length + 1)).Select(e => new InstanceFact { Event = e, At = Start.ToTimestamp() })],
    }, Start.AddHours(3));
}
