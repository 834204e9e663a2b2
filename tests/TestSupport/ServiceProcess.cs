using System.Diagnostics;
using System.Text;

namespace Overture.TestSupport;

/// <summary>A service as its own process, which a test may kill, or which kills itself.</summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly StringBuilder printed = new();
    private readonly Task output, errors;

    /// <param name="assembly">Path of the service's DLL.</param>
    /// <param name="config">Its option file.</param>
    /// <param name="environment">Added to this process's.</param>
    public ServiceProcess(string assembly, string config, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet",
            [assembly, "--config", config])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        process = Process.Start(start)!;
        output = Collect(process.StandardOutput);
        errors = Collect(process.StandardError);
    }

    public bool HasExited => process.HasExited;

    /// <summary>128 + signal, where one ended it.</summary>
    public int ExitCode => process.ExitCode;

    /// <summary>All that it printed; only after its end.</summary>
    public async Task<string> Printed()
    {
        await Task.WhenAll(output, errors);
        return PrintedSoFar;
    }

    public string PrintedSoFar
    {
        get
        {
            lock (printed)
                return printed.ToString();
        }
    }

    public async Task Kill()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <param name="name">Without SIG, as kill(1) takes it.</param>
    public async Task Signal(string name) => (await Shell.Run("kill", $"-{name}", $"{process.Id}")).Ok();

    /// <summary>What it has in memory.</summary>
    public long ResidentBytes()
    {
        process.Refresh();
        return process.WorkingSet64;
    }

    /// <summary>Whether it catches SIGHUP by now (SigCgt of /proc/PID/status, bit 0).</summary>
    public async Task<bool> CatchesHangup() =>
        (await File.ReadAllLinesAsync($"/proc/{process.Id}/status"))
            .Single(l => l.StartsWith("SigCgt:", StringComparison.Ordinal))[^1] is var last && (Convert.ToInt32($"{last}", 16) & 1) != 0;

    /// <summary>SIGTERM; it may take its time.</summary>
    public async Task Terminate() => (await Shell.Run("kill", "-TERM", $"{process.Id}")).Ok();

    public Task Ended(TimeSpan limit) => process.WaitForExitAsync().WaitAsync(limit);

    private async Task Collect(StreamReader from)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            lock (printed)
                printed.Append(line).Append('\n');
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            await Kill();
        process.Dispose();
    }
}
