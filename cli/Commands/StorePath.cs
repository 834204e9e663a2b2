namespace Overture.Cli.Commands;

/// <summary>
/// The bucket of a launch file as the Conductor must see it. file:.overture/… lies below OVERTURE_HOME, wherever that is, any other
/// relative path below the working directory: the service's working directory is another one.
/// </summary>
internal static class StorePath
{
    private const string Scheme = "file:", Home = ".overture/";

    public static string Absolute(string bucket)
    {
        if (!bucket.StartsWith(Scheme, StringComparison.Ordinal))
            return bucket;
        var path = bucket[Scheme.Length..];
        if (path.Length == 0)
            return bucket;
        return Scheme + (path.StartsWith(Home, StringComparison.Ordinal)
            ? Path.GetFullPath(path[Home.Length..], OvertureHome()) : Path.GetFullPath(path));
    }

    /// <summary>OVERTURE_HOME, else .overture below the working directory; absolute.</summary>
    public static string OvertureHome() =>
        Path.GetFullPath(Environment.GetEnvironmentVariable("OVERTURE_HOME") is { Length: > 0 } home ? home : ".overture");
}
