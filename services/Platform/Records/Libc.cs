using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Overture.Platform.Records;

/// <summary>
/// The system calls of which .NET has no exclusive or durable form, or one that throws where "not there" is the usual answer.
/// </summary>
internal static partial class Libc
{
    private const int ENOENT = 2, EINTR = 4, EEXIST = 17, ENOTDIR = 20, EINVAL = 22, ENOSYS = 38;
    private const int O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0x40, O_EXCL = 0x80, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000,
        LOCK_EX = 2, AT_FDCWD = -100, AT_EMPTY_PATH = 0x1000, RENAME_NOREPLACE = 1;
    private const int S_IFMT = 0xF000, S_IFREG = 0x8000;
    // Of the years 1 and 9999.
    private const long FirstSecond = -62_135_596_800, LastSecond = 253_402_300_799;

    // arm64 has its own values for these flags.
    private static readonly int O_DIRECTORY = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;
    private static readonly int O_NOFOLLOW = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    // statfs(2) f_type of file systems whose locks or links are not this host's to give.
    private static readonly Dictionary<uint, string> Remote = new()
    {
        [0x6969] = "NFS", [0xFF534D42] = "CIFS", [0xFE534D42] = "SMB2", [0x65735546] = "FUSE",
        [0x01021997] = "9p", [0x00C36400] = "Ceph", [0x5346414F] = "AFS", [0x19830326] = "FhGFS",
    };

    /// <summary>
    /// renameat2(2) that replaces nothing, or link(2) and unlink(2) where the file system lacks it: false when the new name exists; null
    /// when its folder does not, or the old name is gone.
    /// </summary>
    public static bool? MoveIfAbsent(string existing, string created)
    {
        if (renameat2(AT_FDCWD, existing, AT_FDCWD, created, RENAME_NOREPLACE) == 0)
            return true;
        if (Marshal.GetLastPInvokeError() is EINVAL or ENOSYS && link(existing, created) == 0)
        {
            Remove(existing);
            return true;
        }
        return Marshal.GetLastPInvokeError() switch { EEXIST => false, ENOENT => null, var error => throw Failure("rename", error) };
    }

    /// <summary>mkdir(2): true when it exists, perhaps made by another process; false when the folder around it is not.</summary>
    public static bool MakeDirectory(string path)
    {
        if (mkdir(path, 0x1FF /* 0777, less the umask */) == 0)
            return true;
        return Marshal.GetLastPInvokeError() switch { EEXIST => true, ENOENT => false, var error => throw Failure("mkdir", error) };
    }

    /// <summary>A new file with these bytes, not yet on the disk.</summary>
    public static unsafe SafeFileHandle Create(string path, ReadOnlySpan<byte> body)
    {
        var fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0x1B6 /* 0666, less the umask */);
        if (fd < 0)
            throw Failure("open", Marshal.GetLastPInvokeError());
        var handle = new SafeFileHandle(fd, ownsHandle: true);
        fixed (byte* bytes = body)
        {
            for (nint done = 0; done < body.Length;)
            {
                var wrote = write(fd, bytes + done, body.Length - done);
                if (wrote < 0 && Marshal.GetLastPInvokeError() is var error && error != EINTR)
                {
                    handle.Dispose();
                    throw Failure("write", error);
                }
                done += Math.Max(0, wrote);
            }
        }
        return handle;
    }

    /// <summary>A file as <see cref="Read"/> found it.</summary>
    /// <param name="Body">Null: it has more bytes than were to be read, or is no regular file.</param>
    /// <param name="Size">In bytes; -1: no regular file.</param>
    /// <param name="Modified">When it was written.</param>
    public sealed record ReadFile(byte[]? Body, long Size, DateTimeOffset Modified);

    /// <summary>
    /// What changes whenever a file is written, replaced, or another file system is mounted over it; null: there is none.
    /// </summary>
    public static unsafe FileStamp? Stamp(string path)
    {
        // struct statx, the same on every architecture: ino at 32, size at 40, ctime (seconds, nanoseconds) at 96, device at 136.
        var stat = stackalloc byte[256];
        if (statx(AT_FDCWD, path, 0, 0x380 /* STATX_CTIME | STATX_INO | STATX_SIZE */, stat) == 0)
        {
            return new FileStamp(
                *(ulong*)(stat + 136), *(ulong*)(stat + 32), *(long*)(stat + 40), *(long*)(stat + 96), *(uint*)(stat + 104));
        }
        return Marshal.GetLastPInvokeError() is var error && error is ENOENT or ENOTDIR ? null : throw Failure("statx", error);
    }

    /// <summary>A file's bytes, if there are at most <paramref name="most"/>; null when there is none.</summary>
    /// <exception cref="IOException">It can't be read; also where it is a link, and <paramref name="follow"/> is not set.</exception>
    public static unsafe ReadFile? Read(string path, long most, bool follow = true)
    {
        // A pipe would be waited for.
        var fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), 0);
        if (fd < 0)
            return Marshal.GetLastPInvokeError() is var error && error is ENOENT or ENOTDIR ? null : throw Failure("open", error);
        try
        {
            // struct statx, the same on every architecture: mode at 28, size at 40, mtime (seconds, nanoseconds) at 112.
            var stat = stackalloc byte[256];
            if (statx(fd, "", AT_EMPTY_PATH, 0x241 /* STATX_TYPE | STATX_MTIME | STATX_SIZE */, stat) != 0)
                throw Failure("statx", Marshal.GetLastPInvokeError());
            // The owner of a file can set its time beyond the range of DateTimeOffset.
            var seconds = Math.Clamp(*(long*)(stat + 112), FirstSecond, LastSecond);
            var (size, modified) = (*(long*)(stat + 40), DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(*(uint*)(stat + 120) / 100));
            var regular = (*(ushort*)(stat + 28) & S_IFMT) == S_IFREG;
            if (!regular || size > most)
                return new ReadFile(null, regular ? size : -1, modified);
            var body = new byte[size];
            fixed (byte* bytes = body)
            {
                for (nint done = 0; done < body.Length;)
                {
                    var got = read(fd, bytes + done, body.Length - done);
                    if (got < 0 && Marshal.GetLastPInvokeError() is var failed && failed != EINTR)
                        throw Failure("read", failed);
                    if (got == 0)
                        throw new IOException("read: the file is shorter than it was");
                    done += Math.Max(0, got);
                }
            }
            return new ReadFile(body, size, modified);
        }
        finally
        {
            _ = close(fd);
        }
    }

    /// <summary>unlink(2); no error when there is none.</summary>
    public static void Remove(string path)
    {
        if (unlink(path) != 0 && Marshal.GetLastPInvokeError() is var error && error != ENOENT)
            throw Failure("unlink", error);
    }

    /// <summary>fsync(2) of an open file.</summary>
    public static void Sync(SafeFileHandle file)
    {
        if (fsync(file) != 0)
            throw Failure("fsync", Marshal.GetLastPInvokeError());
    }

    /// <summary>
    /// syncfs(2): everything that was written to the directory's file system before the call. Says so when that failed, since Linux 5.8.
    /// </summary>
    public static void SyncFileSystem(SafeFileHandle directory)
    {
        if (syncfs(directory) != 0)
            throw Failure("syncfs", Marshal.GetLastPInvokeError());
    }

    /// <exception cref="IOException">It is no directory; or a link to one, and <paramref name="follow"/> is not set.</exception>
    public static SafeFileHandle OpenDirectory(string path, bool follow = true)
    {
        var fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), 0);
        return fd < 0 ? throw Failure("open", Marshal.GetLastPInvokeError()) : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>fsync(2) of a directory, which makes a new or removed name durable.</summary>
    public static void SyncDirectory(string path)
    {
        using var handle = OpenDirectory(path);
        Sync(handle);
    }

    /// <summary>flock(2), exclusive, held until disposed; holds between processes.</summary>
    public static SafeFileHandle Lock(string path)
    {
        // Not File.OpenHandle: that takes a flock of its own and fails at once where this must wait.
        // For all who write there: services of several users share a store by a group and their umask.
        var fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0x1B6 /* 0666, less the umask */);
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
    private static partial int renameat2(int from, string existing, int to, string created, uint flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdir(string path, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlink(string path);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint read(int fd, byte* buffer, nint count);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint write(int fd, byte* buffer, nint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statx(int fd, string path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int syncfs(SafeFileHandle directory);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int fd, int operation);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statfs(string path, byte* buffer);
}
