using Overture.Platform.Records;

namespace Overture.Cli.Output;

/// <summary>
/// Texts that must not be lost: an edit that was refused, a document that was replaced and that no history has. For their owner alone.
/// </summary>
internal static class KeptText
{
    /// <param name="name">Of the thing, fit for a file name but for slashes.</param>
    /// <param name="text">Its text.</param>
    /// <param name="clock">The time is part of the name, so that nothing is overwritten.</param>
    /// <returns>The file, below OVERTURE_HOME, else XDG_STATE_HOME, else ~/.local/state.</returns>
    public static string Keep(string name, string text, TimeProvider clock)
    {
        var directory = Variable("OVERTURE_HOME") is { } home ? Path.Combine(Path.GetFullPath(home), "kept")
            : Path.Combine(Variable("XDG_STATE_HOME")
                ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"), "overture");
        PrivateFile.MakeDirectory(directory);
        var file = Path.Combine(directory, $"{name.Replace('/', '_')}-{clock.GetUtcNow():yyyyMMdd'T'HHmmss'.'fff'Z'}.yaml");
        PrivateFile.Write(file, text);
        return file;
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
