using System.Collections.Concurrent;

namespace Overture.TestSupport;

/// <summary>
/// Root file systems of other releases and layouts, as eng/roots.sh makes and keeps them: the first test that needs one waits for it (some
/// minutes, once per checkout). They are only ever lower layers: a test never writes into one.
/// </summary>
public static class RootFileSystem
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Roots = new(StringComparer.Ordinal);

    /// <param name="name">A recipe of eng/roots.sh.</param>
    /// <returns>The absolute path of the root, links resolved.</returns>
    public static Task<string> Get(string name) => Roots.GetOrAdd(name, n => new Lazy<Task<string>>(() => Make(n))).Value;

    /// <summary>
    /// An image of one that may be changed: names of files only, since what two images have alike is one file, and no file of a root is
    /// ever written.
    /// </summary>
    public static async Task Copy(string name, string image)
    {
        var source = await Get(name);
        if ((await Shell.Run("cp", "-al", source, image)).ExitCode == 0)
            return;
        await Shell.Run("rm", "-rf", image);
        (await Shell.Run("cp", "-a", source, image)).Ok();
    }

    /// <summary>No list of a distribution: nothing there but what a launch brings.</summary>
    public static void ForgetPackageSources(string image)
    {
        File.Delete(Path.Combine(image, "etc/apt/sources.list"));
        foreach (var list in Directory.GetFiles(Path.Combine(image, "etc/apt/sources.list.d")))
            File.Delete(list);
    }

    private static async Task<string> Make(string name)
    {
        var printed = (await Shell.Run(RepositoryPaths.File("eng/roots.sh"), [name], null, limit: Limit)).Ok().Trim();
        return (await Shell.Run("realpath", "-e", "--", printed)).Ok().Trim();
    }
}
