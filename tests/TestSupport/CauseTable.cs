using System.Globalization;

namespace Overture.TestSupport;

/// <summary>The causes that tests made and explain named, as docs/seeded-causes.md shows them.</summary>
public static class CauseTable
{
    private static readonly Lock Lines = new();

    /// <summary>Adds a line to artifacts/causes/TEST.tsv, which eng/causes.sh puts into the page.</summary>
    /// <param name="id">Of its row.</param>
    /// <param name="reason">The code that was named.</param>
    /// <param name="made">How the cause was made.</param>
    /// <param name="where">"real", or what stood in: "EC2 double", "recorded console".</param>
    /// <param name="verdict">The sentence.</param>
    /// <param name="took">From when it could be known.</param>
    /// <param name="test">The class that made it.</param>
    public static void Named(string id, string reason, string made, string where, string verdict, TimeSpan took, string test)
    {
        var folder = RepositoryPaths.File("artifacts/causes");
        Directory.CreateDirectory(folder);
        lock (Lines)
        {
            File.AppendAllText(Path.Combine(folder, $"{test}.tsv"), string.Join('\t', id, reason, made, where,
                verdict.Replace('\t', ' '), took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture), test) + "\n");
        }
    }
}
