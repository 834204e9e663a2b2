namespace Overture.CertAuthority.Queries;

/// <summary>Rows in the order of the list; a new table for each change, so that a reader is never disturbed. Pure.</summary>
internal sealed class CertificateTable
{
    public static readonly CertificateTable Empty = new([]);
    private readonly CertificateRow[] rows;

    private CertificateTable(CertificateRow[] rows) => this.rows = rows;

    public int Count => rows.Length;

    public IEnumerable<string> Serials => rows.Select(r => r.Serial);

    /// <summary>With these too; one that is there in the same place stays.</summary>
    public CertificateTable With(IEnumerable<CertificateRow> more)
    {
        var added = more.Where(r => Array.BinarySearch(rows, r, ByPlace.Instance) < 0).DistinctBy(r => r.Place).ToArray();
        if (added.Length == 0)
            return this;
        CertificateRow[] all = [.. rows, .. added];
        Array.Sort(all, ByPlace.Instance);
        return new CertificateTable(all);
    }

    /// <summary>The first that are wanted.</summary>
    /// <param name="after">Null: from the first.</param>
    /// <param name="prefix">Of their certnames; empty: all.</param>
    /// <param name="most">How many at most.</param>
    /// <param name="wanted">Quick: it may be asked of every row.</param>
    public List<CertificateRow> Take(CertificatePlace? after, string prefix, int most, Func<CertificateRow, bool> wanted)
    {
        var found = new List<CertificateRow>();
        // Behind the place, and where that is before all of the prefix, at the first of it: no serial is empty.
        var begin = new CertificatePlace(prefix, "");
        for (var i = FirstAfter(after is { } last && last.CompareTo(begin) > 0 ? last : begin);
            i < rows.Length && found.Count < most && rows[i].Certname.StartsWith(prefix, StringComparison.Ordinal); i++)
        {
            if (wanted(rows[i]))
                found.Add(rows[i]);
        }
        return found;
    }

    private int FirstAfter(CertificatePlace place)
    {
        var (low, high) = (0, rows.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (rows[middle].Place.CompareTo(place) <= 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private sealed class ByPlace : IComparer<CertificateRow>
    {
        public static readonly ByPlace Instance = new();

        public int Compare(CertificateRow? x, CertificateRow? y) => x!.Place.CompareTo(y!.Place);
    }
}
