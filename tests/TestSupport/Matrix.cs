using System.Globalization;

namespace Overture.TestSupport;

/// <summary>
/// What ran with what, as docs/matrix.md shows it: a test that brought real software together says so, once it has passed.
/// </summary>
public static class Matrix
{
    private static readonly Lock Lines = new();

    /// <summary>The upstream version of one of this host's packages.</summary>
    public static async Task<string> VersionOf(string package) =>
        (await Shell.Run("dpkg-query", "-W", "-f", "${source:Upstream-Version}", package)).Ok();

    /// <summary>Adds a line to artifacts/matrix/TEST.tsv, which eng/matrix.sh puts into the page.</summary>
    /// <param name="agent">Package, version and layout: "puppet 8.10.0, Debian's".</param>
    /// <param name="server">"puppetserver 7.9.5".</param>
    /// <param name="distribution">Of the agent's system: "Debian 13".</param>
    /// <param name="store">Where records were: "files", "S3 (moto 5.2.1)".</param>
    /// <param name="what">What was seen, in few words.</param>
    /// <param name="test">The class that saw it.</param>
    public static void Ran(string agent, string server, string distribution, string store, string what, string test)
    {
        var folder = RepositoryPaths.File("artifacts/matrix");
        Directory.CreateDirectory(folder);
        var day = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        lock (Lines)
        {
            File.AppendAllText(Path.Combine(folder, $"{test}.tsv"),
                string.Join('\t', agent, server, distribution, store, what, day, test) + "\n");
        }
    }
}
