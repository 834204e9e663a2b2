using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

public sealed class InstanceRowsTests
{
    [Fact]
    public void Take_AnySizeOfPage_GivesEachOnceInTheSameOrder()
    {
        var ids = TestIds.New();
        var rows = new InstanceRows();
        // Several share a moment; one comes twice.
        for (var i = 0; i < 40; i++)
        {
            var name = ids.CertName();
            rows.Keep(Row(name, DateTimeOffset.UnixEpoch.AddSeconds(i / 3)));
            rows.Keep(Row(name, DateTimeOffset.UnixEpoch.AddSeconds(i / 3)));
        }
        Assert.Equal(40, rows.Count);
        var all = rows.Take(null, 100, _ => true).ConvertAll(r => r.Name);
        Assert.Equal(40, all.Distinct().Count());
        foreach (var size in new[] { 1, 3, 7, 39, 40 })
            Assert.Equal(all, Pages(rows, all, size));
    }

    [Fact]
    public void Take_AfterTheLastOrBeyond_IsEmpty()
    {
        var rows = new InstanceRows();
        Assert.Empty(rows.Take(null, 5, _ => true));
        var name = TestIds.New().CertName();
        rows.Keep(Row(name, DateTimeOffset.UnixEpoch));
        Assert.Empty(rows.Take(new Place(0, name), 5, _ => true));
        Assert.Empty(rows.Take(new Place(-1, name), 5, _ => true));
        Assert.Equal([name], rows.Take(new Place(1, name), 5, _ => true).Select(r => r.Name));
    }

    [Fact]
    public void Take_OnlyTheWanted_CountTowardsThePage()
    {
        var ids = TestIds.New();
        var rows = new InstanceRows();
        var names = Enumerable.Range(0, 10).Select(i => (Name: ids.CertName(), At: DateTimeOffset.UnixEpoch.AddSeconds(i))).ToList();
        names.ForEach(n => rows.Keep(Row(n.Name, n.At)));
        Assert.Equal([names[8].Name, names[6].Name], rows.Take(null, 2, r => r.Place.LaunchedMs / 1000 % 2 == 0).Select(r => r.Name));
    }

    // A fold of an instance keeps its row, and lists of 100,000 go on all the time.
    [Fact]
    public async Task Keep_WhileAListIsMade_DoesNotWaitForIt()
    {
        var limit = TimeSpan.FromSeconds(60);
        var (rows, name) = (new InstanceRows(), TestIds.New().CertName());
        rows.Keep(Row(name, DateTimeOffset.UnixEpoch));
        using var asked = new ManualResetEventSlim();
        using var kept = new ManualResetEventSlim();
        var list = Task.Run(() => rows.Take(null, 5, _ =>
        {
            asked.Set();
            return kept.Wait(limit);
        }));
        Assert.True(asked.Wait(limit));
        await Task.Run(() => rows.Keep(Row(name, DateTimeOffset.UnixEpoch))).WaitAsync(limit / 2);
        kept.Set();
        Assert.Single(await list);
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void Take_WhileManyChange_GivesThoseThatStay(bool oldestFirst)
    {
        const int Count = 5_000;
        var (ids, rows) = (TestIds.New(), new InstanceRows());
        var names = Enumerable.Range(0, Count).Select(_ => ids.CertName()).ToList();
        void Keep(int i) => rows.Keep(Row(names[i], DateTimeOffset.UnixEpoch.AddSeconds(i / 3)));
        for (var i = 0; i < Count; i++)
            Keep(i);
        var numbers = names.Select((n, i) => (n, i)).ToDictionary(n => n.n, n => n.i);
        // those that are asked: each third is dropped, another kept again, and one is new
        var found = rows.Take(null, int.MaxValue, row =>
        {
            var number = numbers[row.Name];
            if (number % 3 == 0)
                rows.Drop(row.Name);
            else
                Keep(number);
            if (number % 500 == 0)
                rows.Keep(Row(ids.CertName(), DateTimeOffset.UnixEpoch.AddSeconds(oldestFirst ? -1 : Count)));
            return number % 3 != 0;
        }, oldestFirst);
        var stayed = rows.Take(null, int.MaxValue, r => numbers.ContainsKey(r.Name), oldestFirst);
        Assert.Equal(Count - ((Count + 2) / 3), stayed.Count);
        Assert.Equal(stayed.Select(r => r.Name), found.Select(r => r.Name));
    }

    private static List<CertName> Pages(InstanceRows rows, List<CertName> all, int size)
    {
        var found = new List<CertName>();
        Place? after = null;
        while (rows.Take(after, size, _ => true) is { Count: > 0 } page)
        {
            found.AddRange(page.Select(r => r.Name));
            after = PlaceOf(all, page[^1].Name);
        }
        return found;
    }

    private static InstanceRow Row(CertName name, DateTimeOffset at) => new(new InstanceRecords
    {
        Name = name,
        Launch = new LaunchRecord { Certname = name.ToString(), NotBefore = at.ToTimestamp(), Deadline = at.AddHours(1).ToTimestamp() },
    }, at);

    // The k-th newest of 40, three a second.
    private static Place PlaceOf(List<CertName> all, CertName name) => new((39 - all.IndexOf(name)) / 3 * 1000L, name);
}

/// <summary>Alone: what other tests allocate would be counted.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuredMemory
{
    public const string Name = "measured memory";
}

[Collection(MeasuredMemory.Name)]
public sealed class InstanceRowMemoryTests
{
    // Issue 13: 100,000 instances in a Conductor of 400 MB.
    [Fact]
    public void Rows_OfConvergedInstances_TakeAtMost2500BytesEach()
    {
        const int Count = 20_000;
        var ids = TestIds.New();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var rows = new InstanceRows();
        for (var i = 0; i < Count; i++)
            rows.Keep(Converged(ids.CertName(), DateTimeOffset.UnixEpoch.AddSeconds(i)));
        Assert.Equal(InstanceState.Converged, rows.Take(null, 1, _ => true).Single().State);
        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Count;
        GC.KeepAlive(rows);
        Assert.True(each is > 500 and <= 2500, $"{each} bytes each");
    }

    private static InstanceRow Converged(CertName name, DateTimeOffset at) => new(new InstanceRecords
    {
        Name = name,
        Launch = new LaunchRecord
        {
            Schema = 1, Certname = name.ToString(), RequestId = $"batch-{at.Second}", NotBefore = at.ToTimestamp(),
            Deadline = at.AddHours(1).ToTimestamp(), TokenSha256 = new string('a', 64), Provider = "ec2", Account = "123456789012",
            Region = "eu-west-1", ClientToken = name.ToString(), Caller = "operator", Profile = "web", Image = "ami-0123456789abcdef0",
            InstanceType = "t3.micro", Environment = "production", Labels = { ["team"] = "blue", ["tier"] = "frontend" },
            Extensions = { ["pp_role"] = "web" }, Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
        Facts = [.. new[] { InstanceEvents.Launched, InstanceEvents.Running, InstanceEvents.Converged }.Select(e => new InstanceFact
        {
            Schema = 1, WriteId = $"{Guid.Empty}", Certname = name.ToString(), Event = e, At = at.ToTimestamp(),
            InstanceId = "i-0123456789abcdef0", Addresses = { "10.0.0.1" }, TransactionUuid = $"{Guid.Empty}", RunStatus = "changed",
        })],
        Claim = new Claimed("1", "01ab", at.ToTimestamp()),
        Certificate = new Signed("01ab", at.ToTimestamp()),
        FirstServed = new Served("0001", at.ToTimestamp()),
    }, at);
}
