using System.Net;
using System.Net.Sockets;

namespace Overture.TestSupport;

/// <summary>
/// A port of loopback that was free a moment ago, and that no test has from here: test processes have ranges of their own. Below the
/// kernel's own range, so that no client's connection takes it before the server that it is for, and beside those of ./run and of the
/// end-to-end stacks.
/// </summary>
public static class FreePort
{
    private const int First = 11_000, Ranges = 10, Count = 500;
    // Locked as long as this process lives.
    private static readonly (int Begin, FileStream? Lock) Own = Claim(Path.Combine(Path.GetTempPath(), "overture-test-ports"));
    private static int last = Random.Shared.Next(Count);

    public static int Next()
    {
        for (var tries = 0; tries < Count; tries++)
        {
            var port = Own.Begin + (int)((uint)Interlocked.Increment(ref last) % Count);
            if (IsFree(port))
                return port;
        }
        throw new InvalidOperationException($"no port of {Own.Begin}-{Own.Begin + Count - 1} is free");
    }

    /// <summary>A range that no other process has; where all are taken, one that is shared.</summary>
    /// <param name="folder">Where processes lock a file each, named by the first port of its range.</param>
    public static (int Begin, FileStream? Lock) Claim(string folder)
    {
        var some = Random.Shared.Next(Ranges);
        for (var i = 0; i < Ranges; i++)
        {
            var begin = First + (some + i) % Ranges * Count;
            if (Locked(folder, $"{begin}") is { } held)
                return (begin, held);
        }
        return (First + some * Count, null);
    }

    private const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    // Null: another process has it.
    private static FileStream? Locked(string folder, string name)
    {
        try
        {
            // Made by the first process, writable by all: two users of a host must not take the same ports. What is there already may be a link of
            // another user's: it is not followed, and its mode is not ours to change.
            if (!Path.Exists(folder))
                Make(folder);
            var file = Path.Combine(folder, name);
            if (new DirectoryInfo(folder).LinkTarget is not null || new FileInfo(file).LinkTarget is not null)
                return null;
            // Another user's file there can be opened, but not by an open that may make it (fs.protected_regular).
            if (File.Exists(file))
                return new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            var made = new FileStream(file, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
            // Of the very file, whatever has its name by now.
            File.SetUnixFileMode(made.SafeFileHandle, ForAll);
            return made;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Under a random name first, so that the mode is that of the folder that was made.
    private static void Make(string folder)
    {
        var made = Directory.CreateTempSubdirectory("overture-test-ports-");
        File.SetUnixFileMode(made.FullName,
            ForAll | UnixFileMode.StickyBit | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        try
        {
            Directory.Move(made.FullName, folder);
        }
        catch (IOException)
        {
            // Another process came first, or a link is there.
            made.Delete();
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
