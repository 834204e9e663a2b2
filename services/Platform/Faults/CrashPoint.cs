using System.Diagnostics;

namespace Overture.Platform.Faults;

/// <summary>
/// The named steps between which a process may be killed. In the build configuration Crash, which only tests use, the process kills itself
/// (SIGKILL) at the one that OVERTURE_CRASH_AT names; everywhere else these calls are not compiled.
/// </summary>
public static class CrashPoint
{
    [Conditional("CRASH_POINTS")]
    public static void Reach(string step)
    {
        if (Environment.GetEnvironmentVariable("OVERTURE_CRASH_AT") != step)
            return;
        using var self = Process.GetCurrentProcess();
        self.Kill();
        self.WaitForExit(); // nothing after this line happens
    }
}
