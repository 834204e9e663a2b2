using System.Diagnostics;
using Overture.CertAuthority.Queries;

namespace Overture.CertAuthority.Tests;

/// <summary>Alone: what other tests allocate would be counted.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeasuredMemory
{
    public const string Name = "measured memory";
}

/// <summary>The rows of the certificate list: order, pages, and what 100,000 cost.</summary>
[Collection(MeasuredMemory.Name), Trait("Category", "unit")]
public sealed class CertificateTableTests
{
    [Fact]
    public void Take_Pages_GiveEachOnceInOrder()
    {
        var table = CertificateTable.Empty.With([Row("b", "02"), Row("a.b", "03"), Row("a", "02")]).With([Row("a", "01"), Row("b", "02")]);
        Assert.Equal(["a/01", "a/02", "a.b/03", "b/02"], Pages(table, ""));
        Assert.Equal(["a/01", "a/02", "a.b/03"], Pages(table, "a"));
        Assert.Equal(["a.b/03"], Pages(table, "a."));
        Assert.Empty(Pages(table, "c"));
        // Another filter's place, before and behind the prefix.
        Assert.Equal(["b/02"], table.Take(new("a", "01"), "b", 9, _ => true).Select(Text));
        Assert.Empty(table.Take(new("c", "01"), "b", 9, _ => true));
    }

    [Fact]
    public void Take_OfAHundredThousand_IsQuickAndSmall()
    {
        const int many = 100_000;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var table = CertificateTable.Empty;
        foreach (var portion in Enumerable.Range(0, many).Chunk(20_000))
            table = table.With(portion.Select(i => Row(new Guid(i * 7919, 0, 0x4000, [0x80, 0, 0, 0, 0, 0, 0, 1]).ToString(), $"{i:x34}")));
        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / many;
        // 290 bytes here.
        Assert.InRange(each, 1, 1_000);

        var begun = Stopwatch.StartNew();
        var (seen, last) = (0, (CertificatePlace?)null);
        while (table.Take(last, "", 500, r => r.NotAfter % 10 == 0) is { Count: > 0 } page)
        {
            Assert.True(last is null || last.Value.CompareTo(page[0].Place) < 0);
            (seen, last) = (seen + page.Count, page[^1].Place);
        }
        Assert.Equal(many / 10, seen);
        Assert.InRange(begun.Elapsed.TotalSeconds, 0, 20); // a tenth of a second, alone
    }

    private static List<string> Pages(CertificateTable table, string prefix)
    {
        var (all, last) = (new List<string>(), (CertificatePlace?)null);
        while (table.Take(last, prefix, 1, _ => true) is [var row])
        {
            all.Add(Text(row));
            last = row.Place;
        }
        return all;
    }

    private static string Text(CertificateRow row) => $"{row.Certname}/{row.Serial}";

    private static CertificateRow Row(string name, string serial) =>
        new(name, serial, 0, Convert.ToInt64(serial, 16), "launch", "P-256", "overture");
}
