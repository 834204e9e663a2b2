namespace Overture.TestSupport;

/// <summary>A local instance that runs, from within.</summary>
public static class InsideInstance
{
    /// <summary>A command as the instance's init sees files, processes and host name.</summary>
    /// <param name="folder">The instance's directory.</param>
    /// <param name="command">File name or path inside, and its arguments.</param>
    public static Task<Ran> Run(string folder, params string[] command)
    {
        var outer = HostProcesses.With(folder).Single(p => p.Contains(" unshare ", StringComparison.Ordinal)
            && !p.Contains(" setpriv ", StringComparison.Ordinal)).Split(':')[0];
        var init = File.ReadAllText($"/proc/{outer}/task/{outer}/children").Trim();
        return Shell.Run("nsenter", ["--target", init, "--mount", "--uts", "--pid", "--root", "--", .. command], null);
    }
}
