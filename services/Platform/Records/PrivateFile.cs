using System.Text;

namespace Overture.Platform.Records;

/// <summary>
/// A small file that no one else may read: whole or not at all, durable, and never readable by others, not even for a moment.
/// </summary>
public static class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <param name="file">Replaced if it is there.</param>
    /// <param name="text">Written as UTF-8.</param>
    /// <param name="mode">For what is no secret after all.</param>
    public static void Write(string file, string text, UnixFileMode mode = OwnerOnly)
    {
        var full = Path.GetFullPath(file);
        var temporary = full + ".new";
        File.Delete(temporary);
        using (var stream = new FileStream(temporary,
            new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode }))
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, full, overwrite: true);
        Libc.SyncDirectory(Path.GetDirectoryName(full)!);
    }

    /// <summary>A directory of mode 0700, made if it is not there.</summary>
    public static void MakeDirectory(string path) => Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
}
