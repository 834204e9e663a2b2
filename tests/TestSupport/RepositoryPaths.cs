namespace Overture.TestSupport;

/// <summary>Where things lie in the clone that this test was built from.</summary>
public static class RepositoryPaths
{
    public static string Root { get; } = FindRoot();

    public static string File(string relative) => Path.Combine(Root, relative);

    /// <summary>A file another project built, in the same configuration as this test.</summary>
    public static string Output(string project, string file)
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/')); // …/bin/<configuration>/net10.0
        var path = Path.Combine(Root, project, "bin", here.Parent!.Name, here.Name, file);
        return System.IO.File.Exists(path) ? path : throw new FileNotFoundException("build the solution first", path);
    }

    private static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(at.FullName, "Microservices.sln")))
                return at.FullName;
        }
        throw new InvalidOperationException("not inside the repository");
    }
}
