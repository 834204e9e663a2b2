using System.Diagnostics;
using System.Globalization;

namespace Overture.Load;

/// <summary>
/// Drives a fleet over a number of connections and counts what ends within the measured time: how many, how long each took, and what the
/// server process and the whole machine spent on it.
/// </summary>
internal sealed class Tally(int serverPid, int connections, TimeSpan warm, TimeSpan measured)
{
    private static readonly double Ticks = 100; // USER_HZ, of every Linux that .NET runs on

    /// <param name="count">How many there are to do.</param>
    /// <param name="open">One connection's worth: gives what does the n-th.</param>
    /// <returns>Failures; what was seen goes to standard output.</returns>
    public async Task<int> Run(int count, Func<Task<Func<int, ValueTask<bool>>>> open)
    {
        var workers = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => open()));
        var times = Enumerable.Range(0, connections).Select(_ => new List<double>(count / connections * 2)).ToArray();
        var (next, failures) = (-1, 0);
        await Console.Error.WriteLineAsync($"{count} prepared, {connections} connections open");
        var clock = Stopwatch.StartNew();
        var end = warm + measured;
        var meter = Meter();
        await Task.WhenAll(workers.Select((work, lane) => Task.Run(async () =>
        {
            while (clock.Elapsed < end && Interlocked.Increment(ref next) is var mine && mine < count)
            {
                var began = clock.Elapsed;
                var good = await work(mine);
                var ended = clock.Elapsed;
                if (!good)
                    Interlocked.Increment(ref failures);
                // What ends within the time counts, whenever it began: n connections are always n on their way.
                if (ended >= warm && ended < end)
                    times[lane].Add((ended - began).TotalMilliseconds);
            }
        })));
        var spent = await meter;
        var all = times.SelectMany(t => t).Order().ToList();
        if (all.Count == 0 || next >= count)
        {
            await Console.Error.WriteLineAsync($"too few agents were prepared ({count}), or none got through");
            return 1;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"rate={all.Count / measured.TotalSeconds:0.0} p50_ms={all[all.Count / 2]:0.0} p99_ms={all[(int)(all.Count * 0.99)]:0.0} "
                + $"done={all.Count} failures={failures} "
            + $"server_cpu_ms={spent.Server / all.Count:0.00} client_cpu_ms={spent.Client / all.Count:0.00} "
                + $"others_cores={spent.Others / measured.TotalMilliseconds:0.00}"));
        return failures;
    }

    // CPU milliseconds of the measured time: the server's, ours, and everybody else's (which tells how quiet the machine was).
    private async Task<(double Server, double Client, double Others)> Meter()
    {
        await Task.Delay(warm);
        var before = Read();
        await Task.Delay(measured);
        var after = Read();
        var (server, client) = (after.Server - before.Server, after.Client - before.Client);
        return (server, client, after.Machine - before.Machine - server - client);
    }

    private (double Server, double Client, double Machine) Read()
    {
        var machine = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(double.Parse)
            .ToArray();
        // user nice system idle iowait irq softirq steal
        return (Cpu(serverPid), Cpu(Environment.ProcessId),
            (machine[0] + machine[1] + machine[2] + machine[5] + machine[6] + machine[7]) * 1000 / Ticks);
    }

    /// <summary>CPU milliseconds of a process since it began.</summary>
    internal static double Cpu(int pid)
    {
        var text = File.ReadAllText($"/proc/{pid}/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (double.Parse(fields[11], CultureInfo.InvariantCulture)
            + double.Parse(fields[12], CultureInfo.InvariantCulture)) * 1000 / Ticks;
    }
}
