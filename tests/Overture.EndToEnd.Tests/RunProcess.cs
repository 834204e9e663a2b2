using System.Diagnostics;
using System.Globalization;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>`./run` as somebody at a terminal has it: started, read, and stopped with Ctrl-C.</summary>
public sealed class RunProcess : IAsyncDisposable
{
    private const string Up = "Ctrl-C stops everything";
    private readonly Process process;
    private readonly List<string> lines = [];

    private RunProcess(Process process) => this.process = process;

    /// <summary>Starts it and waits until it says that all is up.</summary>
    /// <param name="limit">Of that; null: five minutes. Where nothing was built yet it takes longer.</param>
    public static async Task<RunProcess> Start(string checkout, IReadOnlyDictionary<string, string?> environment,
        TimeSpan? limit = null)
    {
        // A test run in the background has SIGINT ignored in all its children, one of nohup SIGHUP; a terminal has not.
        var start = new ProcessStartInfo("env", ["--default-signal=INT,HUP", Path.Combine(checkout, "run")])
        { WorkingDirectory = checkout, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var run = new RunProcess(Process.Start(start)!);
        run.process.OutputDataReceived += (_, e) => run.Hear(e.Data);
        run.process.ErrorDataReceived += (_, e) => run.Hear(e.Data);
        run.process.BeginOutputReadLine();
        run.process.BeginErrorReadLine();
        try
        {
            await Eventually.True(() => run.Heard(Up) || run.process.HasExited, "./run is up", limit ?? TimeSpan.FromMinutes(12));
            Assert.True(run.Heard(Up), string.Join('\n', run.Lines()));
            return run;
        }
        catch
        {
            // Nobody else has it yet.
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>What it printed so far.</summary>
    public IReadOnlyList<string> Lines()
    {
        lock (lines)
            return [.. lines];
    }

    /// <summary>Whether it printed that.</summary>
    public bool Heard(string text) => Lines().Any(l => l.Contains(text, StringComparison.Ordinal));

    /// <summary>Ctrl-C, and waits for the end.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            await Shell.Run("kill", "-INT", process.Id.ToString(CultureInfo.InvariantCulture));
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));
        }
        process.Dispose();
    }

    private void Hear(string? line)
    {
        lock (lines)
            lines.Add(line ?? "");
    }
}
