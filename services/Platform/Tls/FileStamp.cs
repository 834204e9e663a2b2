namespace Overture.Platform.Tls;

/// <summary>When a file's content was written last.</summary>
internal static class FileStamp
{
    /// <summary>
    /// In ticks. Of a link, its target's: a Secret in a Kubernetes volume is a link that never changes, to a folder that is replaced. A file that
    /// is not there has a time, too.
    /// </summary>
    public static long Of(string file) => (File.ResolveLinkTarget(file, returnFinalTarget: true) ?? new FileInfo(file)).LastWriteTimeUtc.Ticks;
}
