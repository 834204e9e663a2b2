namespace Overture.Platform.Tls;

/// <summary>When a file's content was written last.</summary>
internal static class FileStamp
{
    /// <summary>
    /// In ticks. Of a link, its target's: a Secret in a Kubernetes volume is a link that never changes, to a folder that is replaced. A
    /// file that is not there has a time, too.
    /// </summary>
    public static long Of(string file) => (Target(file) ?? new FileInfo(file)).LastWriteTimeUtc.Ticks;

    private static FileSystemInfo? Target(string file)
    {
        try
        {
            return File.ResolveLinkTarget(file, returnFinalTarget: true);
        }
        catch (IOException)
        {
            return null; // it is away just now, or its links go round: so has its own time
        }
    }
}
