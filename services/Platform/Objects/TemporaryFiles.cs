using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>
/// The folder in which <see cref="DirectoryStore"/> makes an object before it has its name. A process that was killed leaves its file
/// there. A writer needs moments; one that slept so long that its file was removed fails at its rename, and has stored nothing.
/// </summary>
internal sealed class TemporaryFiles(string folder)
{
    private static readonly TimeSpan Forgotten = TimeSpan.FromHours(6);
    // Unlike any other process's, and any earlier run's.
    private readonly string prefix = Path.GetRandomFileName();
    private long count;

    public string Lock => Path.Combine(folder, "lock");

    /// <summary>The path of a new one, used by no one else.</summary>
    public string Next() => Path.Combine(folder, $"{prefix}-{Interlocked.Increment(ref count)}");

    /// <summary>Removes what was left behind.</summary>
    /// <param name="now">By the clock of the host, which the file system uses too.</param>
    /// <returns>How many.</returns>
    public int Sweep(DateTimeOffset now)
    {
        var removed = 0;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles())
        {
            // Nothing of ours is left behind while we live, whatever the clock says.
            if (file.FullName == Lock || file.Name.StartsWith(prefix, StringComparison.Ordinal) || now - file.LastWriteTimeUtc < Forgotten)
                continue;
            Libc.Remove(file.FullName);
            removed++;
        }
        return removed;
    }
}
