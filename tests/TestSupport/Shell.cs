using System.Diagnostics;
using System.Text;

namespace Overture.TestSupport;

/// <summary>What a command printed and how it ended.</summary>
public sealed record Ran(int ExitCode, string Output, string Errors, TimeSpan Took)
{
    /// <summary>Standard output, when the exit code is 0; else the test fails with all that was printed.</summary>
    public string Ok() => ExitCode == 0 ? Output : throw new InvalidOperationException($"exit code {ExitCode}\n{Output}\n{Errors}");
}

/// <summary>Runs a command to its end, with a limit.</summary>
public static class Shell
{
    public static Task<Ran> Run(string command, params string[] arguments) => Run(command, arguments, null);

    /// <param name="command">File name or path.</param>
    /// <param name="arguments">Each one argument.</param>
    /// <param name="environment">Added to this process's; a null value removes one.</param>
    /// <param name="input">Standard input; null: empty.</param>
    /// <param name="directory">Working directory.</param>
    /// <param name="limit">After which it is killed and the test fails; default 5 minutes: a busy machine takes long for much.</param>
    public static async Task<Ran> Run(
        string command, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment,
        string? input = null, string? directory = null, TimeSpan? limit = null)
    {
        var start = new ProcessStartInfo(command, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? "",
            StandardInputEncoding = new UTF8Encoding(false),
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
            start.Environment[name] = value;
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEndAsync();
            await process.StandardInput.WriteAsync(input ?? "");
            process.StandardInput.Close();
            await process.WaitForExitAsync().WaitAsync(limit ?? TimeSpan.FromMinutes(5));
            return new Ran(process.ExitCode, await output, await errors, watch.Elapsed);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{command} {string.Join(' ', arguments)}: not within the limit");
        }
    }
}
