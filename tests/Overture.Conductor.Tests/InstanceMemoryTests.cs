using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

public sealed class InstanceMemoryTests
{
    [Fact]
    public void Take_AnySizeOfPage_GivesEachOnceInTheSameOrder()
    {
        var ids = TestIds.New();
        var memory = new InstanceMemory();
        // Several share a moment; one comes twice.
        for (var i = 0; i < 40; i++)
        {
            var name = ids.CertName();
            memory.Keep(name, Launched(DateTimeOffset.UnixEpoch.AddSeconds(i / 3)));
            memory.Keep(name, Launched(DateTimeOffset.UnixEpoch.AddSeconds(i / 3)));
        }
        Assert.Equal(40, memory.Count);
        var all = memory.Take(null, 100, _ => true).ConvertAll(k => k.Name);
        Assert.Equal(40, all.Distinct().Count());
        foreach (var size in new[] { 1, 3, 7, 39, 40 })
            Assert.Equal(all, Pages(memory, all, size));
    }

    [Fact]
    public void Take_AfterTheLastOrBeyond_IsEmpty()
    {
        var memory = new InstanceMemory();
        Assert.Empty(memory.Take(null, 5, _ => true));
        var name = TestIds.New().CertName();
        memory.Keep(name, Launched(DateTimeOffset.UnixEpoch));
        Assert.Empty(memory.Take(new Place(0, name), 5, _ => true));
        Assert.Empty(memory.Take(new Place(-1, name), 5, _ => true));
        Assert.Equal([name], memory.Take(new Place(1, name), 5, _ => true).Select(k => k.Name));
    }

    [Fact]
    public void Take_OnlyTheWanted_CountTowardsThePage()
    {
        var ids = TestIds.New();
        var memory = new InstanceMemory();
        var names = Enumerable.Range(0, 10).Select(i => (Name: ids.CertName(), At: DateTimeOffset.UnixEpoch.AddSeconds(i))).ToList();
        names.ForEach(n => memory.Keep(n.Name, Launched(n.At)));
        Assert.Equal([names[8].Name, names[6].Name], memory.Take(null, 2, i => i.CreatedAt.Seconds % 2 == 0).Select(k => k.Name));
    }

    private static List<CertName> Pages(InstanceMemory memory, List<CertName> all, int size)
    {
        var found = new List<CertName>();
        Place? after = null;
        while (memory.Take(after, size, _ => true) is { Count: > 0 } page)
        {
            found.AddRange(page.Select(k => k.Name));
            after = PlaceOf(all, page[^1].Name);
        }
        return found;
    }

    private static Instance Launched(DateTimeOffset at) => new() { CreatedAt = at.ToTimestamp() };

    // The k-th newest of 40, three a second.
    private static Place PlaceOf(List<CertName> all, CertName name) => new((39 - all.IndexOf(name)) / 3 * 1000L, name);
}
