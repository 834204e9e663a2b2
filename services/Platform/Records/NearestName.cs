namespace Overture.Platform.Records;

/// <summary>The name that was probably meant by a mistyped one. Pure.</summary>
public static class NearestName
{
    private const int LongestName = 100, MaxKnown = 5000;

    /// <summary>
    /// The known name that the fewest typed characters (put in, left out, another, two swapped) make of the given one: at most one, and one
    /// more for every four it has.
    /// </summary>
    /// <returns>Null: none is near; or the name is longer, or more are known, than a person's mistake is worth looking for.</returns>
    public static string? Of(string name, IReadOnlyCollection<string> known)
    {
        if (name.Length > LongestName || known.Count > MaxKnown)
            return null;
        var most = 1 + (name.Length / 4);
        return known.Where(k => Math.Abs(k.Length - name.Length) <= most)
            .Select(k => (Name: k, Distance: Distance(name, k))).Where(k => k.Distance <= most)
            .OrderBy(k => k.Distance).ThenBy(k => k.Name, StringComparer.Ordinal).FirstOrDefault().Name;
    }

    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
