using System.Diagnostics;

namespace Overture.TestSupport;

/// <summary>A command that gets SIGTERM when this process ends, however that ends, or when it is disposed of.</summary>
public sealed class BoundProcess : IAsyncDisposable
{
    // Standard input is a pipe whose other end only this process holds. $1 = file for all output, the rest is the command.
    private const string Script = """
        exec 3<&0 >> "$1" 2>&1; shift
        "$@" < /dev/null 3<&- & command=$!
        { read -r _ <&3; kill -TERM $command; } & watch=$!
        wait $command; rc=$?
        kill $watch 2> /dev/null; exit $rc
        """;

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(20);
    private readonly Process shell;
    private volatile bool ended;

    /// <param name="log">Where its output is appended.</param>
    /// <param name="command">File name or path.</param>
    /// <param name="arguments">Each one argument.</param>
    /// <param name="environment">Added to this process's.</param>
    public BoundProcess(string log, string command, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        Log = log;
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "sh", log, command, .. arguments]) { RedirectStandardInput = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        shell = Process.Start(start)!;
    }

    public string Log { get; }

    public bool HasExited => ended || shell.HasExited;

    /// <summary>SIGTERM, and SIGKILL to all of it where that does not end it within 20 s.</summary>
    public async Task End()
    {
        shell.StandardInput.Close();
        try
        {
            await shell.WaitForExitAsync().WaitAsync(EndLimit);
        }
        catch (TimeoutException)
        {
            shell.Kill(entireProcessTree: true);
            await shell.WaitForExitAsync();
        }
        ended = true;
    }

    public async ValueTask DisposeAsync()
    {
        await End();
        shell.Dispose();
    }
}
