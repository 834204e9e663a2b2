using System.Globalization;
using System.Runtime.InteropServices;

namespace Overture.Conductor.Providers.Local;

/// <summary>
/// The process of a local instance, as recorded by itself when it began: host boot and its line of /proc/&lt;pid&gt;/stat. Start time and
/// boot id make sure that a pid which was given out again is not taken for the instance.
/// </summary>
internal sealed partial record InstanceProcess(int Pid, long StartTicks, string BootId)
{
    public const string FileName = "process";
    private const int SigTerm = 15, SigKill = 9;

    /// <param name="text">Two lines: boot id, stat.</param>
    public static InstanceProcess? Parse(string text)
    {
        var lines = text.Split('\n');
        return lines.Length >= 2 && StatOf(lines[1]) is var (pid, _, start) ? new InstanceProcess(pid, start, lines[0]) : null;
    }

    /// <summary>The process an instance directory names, or null.</summary>
    public static InstanceProcess? Read(string directory)
    {
        try
        {
            return Parse(File.ReadAllText(Path.Combine(directory, FileName)));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>It runs: same pid, same start, same boot, no zombie.</summary>
    public bool IsAlive
    {
        get
        {
            try
            {
                return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim() == BootId
                    && StatOf(File.ReadAllText($"/proc/{Pid}/stat")) is var (pid, state, start) && pid == Pid && start == StartTicks
                        && state is not ("Z" or "X");
            }
            catch (IOException)
            {
                return false; // gone, or going
            }
        }
    }

    public void AskToEnd() => Signal(SigTerm);

    public void Kill() => Signal(SigKill);

    private void Signal(int signal)
    {
        if (IsAlive)
            _ = KillSystemCall(Pid, signal);
    }

    // pid (comm) state ppid … starttime is the 22nd; comm may hold blanks and brackets.
    private static (int Pid, string State, long Start)? StatOf(string line)
    {
        var close = line.LastIndexOf(')');
        if (close < 0)
            return null;
        var fields = line[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return int.TryParse(line.AsSpan(0, Math.Max(line.IndexOf(' ', StringComparison.Ordinal), 0)), NumberStyles.None,
            CultureInfo.InvariantCulture, out var pid)
            && fields.Length > 19 && long.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            ? (pid, fields[0], start)
            : null;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int KillSystemCall(int pid, int signal);
}
