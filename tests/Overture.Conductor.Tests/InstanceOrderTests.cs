using Overture.Conductor.State;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

public sealed class InstanceOrderTests
{
    [Fact]
    public void Take_AnySizeOfPage_GivesEachOnceInTheSameOrder()
    {
        var ids = TestIds.New();
        var order = new InstanceOrder();
        // Several share a moment; one comes twice.
        for (var i = 0; i < 40; i++)
        {
            var name = ids.CertName();
            order.Add(name, DateTimeOffset.UnixEpoch.AddSeconds(i / 3));
            order.Add(name, DateTimeOffset.UnixEpoch.AddSeconds(i / 3));
        }
        Assert.Equal(40, order.Count);
        var all = order.Take(null, 100, _ => true);
        Assert.Equal(40, all.Distinct().Count());
        foreach (var size in new[] { 1, 3, 7, 39, 40 })
            Assert.Equal(all, Pages(order, all, size));
    }

    [Fact]
    public void Take_AfterTheLastOrBeyond_IsEmpty()
    {
        var order = new InstanceOrder();
        Assert.Empty(order.Take(null, 5, _ => true));
        var name = TestIds.New().CertName();
        order.Add(name, DateTimeOffset.UnixEpoch);
        Assert.Empty(order.Take(new Place(0, name), 5, _ => true));
        Assert.Empty(order.Take(new Place(-1, name), 5, _ => true));
        Assert.Equal([name], order.Take(new Place(1, name), 5, _ => true));
    }

    [Fact]
    public void Take_OnlyTheWanted_CountTowardsThePage()
    {
        var ids = TestIds.New();
        var order = new InstanceOrder();
        var names = Enumerable.Range(0, 10).Select(i => (Name: ids.CertName(), At: DateTimeOffset.UnixEpoch.AddSeconds(i))).ToList();
        names.ForEach(n => order.Add(n.Name, n.At));
        Assert.Equal([names[8].Name, names[6].Name], order.Take(null, 2, n => names.FindIndex(x => x.Name == n) % 2 == 0));
    }

    private static List<CertName> Pages(InstanceOrder order, List<CertName> all, int size)
    {
        var found = new List<CertName>();
        Place? after = null;
        while (order.Take(after, size, _ => true) is { Count: > 0 } page)
        {
            found.AddRange(page);
            after = PlaceOf(all, page[^1]);
        }
        return found;
    }

    // The k-th newest of 40, three a second.
    private static Place PlaceOf(List<CertName> all, CertName name) => new((39 - all.IndexOf(name)) / 3 * 1000L, name);
}
