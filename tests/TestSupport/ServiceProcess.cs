using System.Diagnostics;

namespace Overture.TestSupport;

/// <summary>A service as its own process, which a test may kill, or which kills itself.</summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly Task<string> output, errors;

    /// <param name="assembly">Path of the service's DLL.</param>
    /// <param name="config">Its option file.</param>
    /// <param name="environment">Added to this process's.</param>
    public ServiceProcess(string assembly, string config, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", [assembly, "--config", config])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        process = Process.Start(start)!;
        output = process.StandardOutput.ReadToEndAsync();
        errors = process.StandardError.ReadToEndAsync();
    }

    public bool HasExited => process.HasExited;

    /// <summary>128 + signal, where one ended it.</summary>
    public int ExitCode => process.ExitCode;

    /// <summary>All that it printed; only after its end.</summary>
    public async Task<string> Printed() => await output + await errors;

    public async Task Kill()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>SIGTERM; it may take its time.</summary>
    public async Task Terminate() => (await Shell.Run("kill", "-TERM", $"{process.Id}")).Ok();

    public Task Ended(TimeSpan limit) => process.WaitForExitAsync().WaitAsync(limit);

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            await Kill();
        process.Dispose();
    }
}
