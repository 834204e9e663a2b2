using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Overture.Platform.Objects;

/// <summary>The system calls of which .NET has no exclusive or durable form.</summary>
internal static partial class Libc
{
    private const int ENOENT = 2, EINTR = 4, EEXIST = 17, O_RDONLY = 0, O_RDWR = 2, O_CREAT = 0x40, O_DIRECTORY = 0x10000, O_CLOEXEC = 0x80000, LOCK_EX = 2;

    // statfs(2) f_type of file systems whose locks or links are not this host's to give.
    private static readonly Dictionary<uint, string> Remote = new()
    {
        [0x6969] = "NFS", [0xFF534D42] = "CIFS", [0xFE534D42] = "SMB2", [0x65735546] = "FUSE",
        [0x01021997] = "9p", [0x00C36400] = "Ceph", [0x5346414F] = "AFS", [0x19830326] = "FhGFS",
    };

    /// <summary>link(2): false when the new name exists.</summary>
    public static bool Link(string existing, string created)
    {
        if (link(existing, created) == 0)
            return true;
        var error = Marshal.GetLastPInvokeError();
        return error == EEXIST ? false : throw Failure("link", error);
    }

    /// <summary>fsync(2) of a directory, which makes a new or removed name durable.</summary>
    public static void SyncDirectory(string path)
    {
        var fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd < 0)
            throw Failure("open", Marshal.GetLastPInvokeError());
        using var handle = new SafeFileHandle(fd, ownsHandle: true);
        if (fsync(fd) != 0)
            throw Failure("fsync", Marshal.GetLastPInvokeError());
    }

    /// <summary>flock(2), exclusive, held until disposed; holds between processes.</summary>
    public static SafeFileHandle Lock(string path)
    {
        // Not File.OpenHandle: that takes a flock of its own and fails at once where this shall wait.
        var fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0x180 /* 0600 */);
        if (fd < 0)
            throw Failure("open", Marshal.GetLastPInvokeError());
        var handle = new SafeFileHandle(fd, ownsHandle: true);
        while (flock(fd, LOCK_EX) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == EINTR)
                continue;
            handle.Dispose();
            throw Failure("flock", error);
        }
        return handle;
    }

    /// <summary>The kind of network or user-space file system that holds the path, or null for a local one.</summary>
    public static unsafe string? RemoteFileSystem(string path)
    {
        // struct statfs: f_type is the first word; 256 bytes are more than any 64-bit ABI needs.
        var buffer = stackalloc byte[256];
        if (statfs(path, buffer) != 0)
            throw Failure("statfs", Marshal.GetLastPInvokeError());
        return Remote.GetValueOrDefault((uint)*(long*)buffer);
    }

    private static IOException Failure(string call, int error) => error == ENOENT
        ? new DirectoryNotFoundException($"{call}: no such directory")
        : new IOException($"{call}: {Marshal.GetPInvokeErrorMessage(error)}");

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int link(string existing, string created);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int fd, int operation);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statfs(string path, byte* buffer);
}
