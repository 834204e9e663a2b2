using System.Text;
using Overture.Platform.Records;

namespace Overture.Conductor.Providers.Local;

/// <summary>
/// One local instance on disk, mode 0700: user-data and meta-data (0600, they hold the token), image (its name), console.log, process, and
/// what the script keeps.
/// </summary>
internal sealed class InstanceDirectory(string path)
{
    private const int MaxConsole = 64 * 1024;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public string Path { get; } = path;
    public string Console => System.IO.Path.Combine(Path, "console.log");

    /// <summary>Its seed is whole: it was started once, or nearly.</summary>
    public bool IsSeeded => File.Exists(System.IO.Path.Combine(Path, "meta-data"));

    public InstanceProcess? Process => InstanceProcess.Read(Path);

    public bool IsRunning => Process is { IsAlive: true };

    /// <summary>meta-data last: it marks the seed as whole.</summary>
    public void Seed(string image, string userData, string metaData)
    {
        Directory.CreateDirectory(Path, OwnerOnly | UnixFileMode.UserExecute);
        Write("image", image);
        Write("user-data", userData);
        Write("meta-data", metaData);
    }

    /// <summary>The last line the console shows, for an error message.</summary>
    public string LastWords() => !File.Exists(Console) ? "it has no console"
        // What an instance writes there has any size, and lines of any length.
        : ConsoleTail()?.Split('\n').LastOrDefault(l => l.Trim().Length > 0)?.TrimEnd('\r') ?? "its console is empty";

    /// <summary>Name of the image it is a clone of; one from before there were others is of the host.</summary>
    public string Image => File.Exists(System.IO.Path.Combine(Path, "image"))
        ? File.ReadAllText(System.IO.Path.Combine(Path, "image")) : LocalImages.Host;

    /// <summary>When its seed was written.</summary>
    public DateTimeOffset? Since => IsSeeded ? File.GetLastWriteTimeUtc(System.IO.Path.Combine(Path, "meta-data")) : null;

    /// <summary>The last 64 KiB of the console; null: it has none, or it is empty.</summary>
    public string? ConsoleTail()
    {
        try
        {
            using var file = File.OpenRead(Console);
            file.Seek(-Math.Min(file.Length, MaxConsole), SeekOrigin.End);
            using var reader = new StreamReader(file, Encoding.UTF8);
            return reader.ReadToEnd() is { Length: > 0 } text ? text : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Whether some process of the instance still holds its lock.</summary>
    public bool IsLocked()
    {
        try
        {
            // FileShare.None is flock(LOCK_EX | LOCK_NB) on Linux; the script and everything it started hold the same.
            using var held = new FileStream(System.IO.Path.Combine(Path, "lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private void Write(string name, string text) => PrivateFile.Write(System.IO.Path.Combine(Path, name), text);
}
