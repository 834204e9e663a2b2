using System.Diagnostics;
using System.Globalization;

namespace Overture.Load;

/// <summary>What is measured by starting processes: openssl, and commands as a whole.</summary>
internal static class Measures
{
    /// <summary>RSA-4096 signatures a second that the machine can make, all cores at it.</summary>
    public static async Task<int> OpensslRate()
    {
        var text = await Output("openssl", ["speed", "-seconds", "6", "-multi", $"{Environment.ProcessorCount}", "rsa4096"]);
        Console.WriteLine(Fields(text)[5]);
        return 0;
    }

    /// <summary>CPU milliseconds of one signature while all cores sign (without -multi, openssl counts CPU time).</summary>
    public static async Task<int> SignatureCpu()
    {
        var all = await Task.WhenAll(Enumerable.Range(0, Environment.ProcessorCount)
            .Select(_ => Output("openssl", ["speed", "-seconds", "3", "rsa4096"])));
        var seconds = all.Average(text => double.Parse(Fields(text)[3].TrimEnd('s'), CultureInfo.InvariantCulture));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.000}"));
        return 0;
    }

    /// <summary>
    /// Milliseconds of each of two commands from fork to exit, into <c>ours</c> and <c>theirs</c>; in turns, since the machine changes
    /// meanwhile.
    /// </summary>
    /// <param name="folder">For the two files.</param>
    /// <param name="count">How often each; three more before, which do not count.</param>
    /// <param name="commands">COMMAND… -- COMMAND…</param>
    public static async Task<int> InTurns(string folder, int count, string[] commands)
    {
        var at = Array.IndexOf(commands, "--");
        var both = new[] { commands[..at], commands[(at + 1)..] };
        var times = new[] { new List<string>(), new List<string>() };
        for (var i = 0; i < count + 3; i++)
        {
            for (var each = 0; each < 2; each++)
            {
                var began = Stopwatch.GetTimestamp();
                await Output(both[each][0], both[each][1..]);
                var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                if (i >= 3)
                    times[each].Add(took.ToString("0.00", CultureInfo.InvariantCulture));
            }
        }
        await File.WriteAllLinesAsync(Path.Combine(folder, "ours"), times[0]);
        await File.WriteAllLinesAsync(Path.Combine(folder, "theirs"), times[1]);
        return 0;
    }

    // "rsa 4096 bits 0.003102s 0.000049s    322.3  20505.3"
    private static string[] Fields(string text) =>
        text.Split('\n').Single(l => l.StartsWith("rsa 4096", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static async Task<string> Output(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (text, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? await text
            : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await errors}");
    }
}
