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
    private static readonly (int Begin, FileStream? Lock) Own = Claim();
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

    // A range that no other process has; where all are taken, one that is shared.
    private static (int Begin, FileStream? Lock) Claim()
    {
        var folder = Path.Combine(Path.GetTempPath(), "overture-test-ports");
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
            // Of whoever came first, and for all: two users of a host must not take the same ports.
            Directory.CreateDirectory(folder);
            Open(folder, ForAll | UnixFileMode.StickyBit | UnixFileMode.UserExecute | UnixFileMode.GroupExecute
                | UnixFileMode.OtherExecute);
            var file = Path.Combine(folder, name);
            // Another user's file there can be opened, but not by an open that may make it (fs.protected_regular).
            var how = File.Exists(file) ? FileMode.Open : FileMode.OpenOrCreate;
            var held = new FileStream(file, how, FileAccess.ReadWrite, FileShare.None);
            Open(file, ForAll);
            return held;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void Open(string path, UnixFileMode mode)
    {
        try
        {
            if (File.GetUnixFileMode(path) != mode)
                File.SetUnixFileMode(path, mode);
        }
        catch (UnauthorizedAccessException)
        {
            // Another user's, who has done the same.
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
