using System.Security.Cryptography;

namespace Overture.Cli.Pki;

/// <summary>A directory that is there whole or not at all: made beside its place, then renamed.</summary>
internal static class WholeDirectory
{
    /// <summary>Not there, or empty.</summary>
    public static bool IsFree(string directory) => !Directory.Exists(directory) || !Directory.EnumerateFileSystemEntries(directory).Any();

    /// <param name="directory">A free place.</param>
    /// <param name="fill">Given the folder (0700) that will be it.</param>
    public static void Make(string directory, Action<string> fill) => Make(directory, folder =>
    {
        fill(folder);
        return Task.CompletedTask;
    }).GetAwaiter().GetResult();

    /// <inheritdoc cref="Make(string, Action{string})"/>
    public static async Task Make(string directory, Func<string, Task> fill)
    {
        DropLeftovers(directory);
        var staging = $"{directory}.partial-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        Directory.CreateDirectory(staging, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            await fill(staging);
        }
        catch
        {
            Directory.Delete(staging, recursive: true);
            throw;
        }
        if (Directory.Exists(directory))
            Directory.Delete(directory); // empty, as IsFree saw
        Directory.Move(staging, directory);
    }

    // Left by a run that was killed; never used.
    private static void DropLeftovers(string directory)
    {
        var parent = Path.GetDirectoryName(directory)!;
        if (!Directory.Exists(parent))
            return;
        foreach (var left in Directory.EnumerateDirectories(parent, Path.GetFileName(directory) + ".partial-*"))
            Directory.Delete(left, recursive: true);
    }
}
