using System.Globalization;
using System.Runtime.InteropServices;

namespace Overture.Cli;

/// <summary>
/// Who may have written or read a hook's file: it belongs to root or to the user who runs the hook, no one else may write it, and a key no
/// one else may read (its group may: root:puppet, 0640). What another user could have put there is not used.
/// </summary>
internal static partial class FileGuard
{
    private const int CurrentDirectory = -100;
    private const uint BasicStats = 0x7ff;

    /// <param name="file">Absolute; a file that is not there passes, its reader says so.</param>
    /// <param name="what">What it is, for the message: "tls.key".</param>
    /// <param name="secret">A key.</param>
    /// <exception cref="Failure">With owner or mode, and the command that repairs it.</exception>
    public static void Check(string file, string what, bool secret)
    {
        if (StatX(CurrentDirectory, file, 0, BasicStats, out var found) != 0)
            return;
        var self = EffectiveUser();
        if (found.User != 0 && found.User != self)
        {
            throw Failure.Config($"{what}: {file} belongs to {NameOf(found.User)}, not to root or {Environment.UserName}",
                $"chown {Environment.UserName} {file}, if no one else can have changed it");
        }
        var mode = $"mode 0{Convert.ToString(found.Mode & 0xfff, 8)}";
        const int GroupWrites = 0b010_000, OthersWrite = 0b010, OthersRead = 0b100;
        if (secret && (found.Mode & (OthersRead | OthersWrite | GroupWrites)) != 0)
        {
            throw Failure.Config($"{what}: others may {((found.Mode & OthersRead) != 0 ? "read" : "write")} the key {file} ({mode})",
                $"chmod g-w,o-rwx {file}, and make a new key if this host has other users");
        }
        if ((found.Mode & (OthersWrite | GroupWrites)) != 0)
            throw Failure.Config($"{what}: others may write {file} ({mode})", $"chmod go-w {file}");
    }

    /// <param name="path">Absolute; links are followed.</param>
    /// <returns>Null: nothing is there, or it can't be looked at.</returns>
    public static Doctor.Permissions? PermissionsOf(string path) => StatX(CurrentDirectory, path, 0, BasicStats, out var found) == 0
        ? new(found.User, found.Group, (UnixFileMode)(found.Mode & 0xfff)) : null;

    // /etc/passwd is enough for a message.
    private static string NameOf(uint user)
    {
        var number = user.ToString(CultureInfo.InvariantCulture);
        try
        {
            var line = File.ReadLines("/etc/passwd").Select(l => l.Split(':')).FirstOrDefault(f => f.Length > 2 && f[2] == number);
            return line is null ? $"uid {number}" : $"user {line[0]}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"uid {number}";
        }
    }

    // struct statx (linux/stat.h), the same on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Found
    {
        [FieldOffset(20)]
        public uint User;

        [FieldOffset(24)]
        public uint Group;

        [FieldOffset(28)]
        public ushort Mode;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int directory, string path, int flags, uint mask, out Found found);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
