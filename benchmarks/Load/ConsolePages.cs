using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Overture.Conductor.V1;

namespace Overture.Load;

/// <summary>A browser of the console's fleet page, and beside it what the console asks the Conductor for that page.</summary>
internal static partial class ConsolePages
{
    private const int MostWarmUp = 200;

    /// <summary>
    /// The first page, the same narrowed to one instance, and the four calls behind it without a console; in turns, since the machine
    /// changes meanwhile. On standard input: the link of `overture ui --print`.
    /// </summary>
    /// <param name="servers">Processes of the Conductor and of the console: what of the processor a page costs them, which other programs
    /// on the machine change little.</param>
    /// <param name="count">How often each; as often before, but at most 200 times, which does not count, but for the very first.</param>
    public static async Task<int> Run(string home, int conductorPort, IReadOnlyList<int> servers, int count)
    {
        var name = (await File.ReadAllLinesAsync($"{home}/names"))[0];
        using var browser = Lists.Browser(home);
        var link = new Uri((await Console.In.ReadLineAsync())!);
        await Enter(browser, link);
        var (fleet, one) = (new Uri(link, "/"), new Uri(link, $"/?prefix={name}"));
        using var channel = Lists.Open(home, conductorPort);
        var client = new ConductorService.ConductorServiceClient(channel);
        Lists.Print("cold", [(await Get(browser, fleet)).Milliseconds]);
        var (first, narrowed, calls) = (new List<double>(), new List<double>(), new List<double>());
        var (bytes, missing, cpu) = (0, 0, new double[2, servers.Count]);
        for (var i = -Math.Min(MostWarmUp, count); i < count; i++)
        {
            var marks = new List<double[]> { Cpu() };
            var page = await Get(browser, fleet);
            marks.Add(Cpu());
            var small = await Get(browser, one);
            marks.Add(Cpu());
            var asked = await Ask(client);
            if (i < 0)
                continue;
            for (var s = 0; s < servers.Count; s++)
            {
                cpu[0, s] += (marks[1][s] - marks[0][s]) / count;
                cpu[1, s] += (marks[2][s] - marks[1][s]) / count;
            }
            bytes = page.Bytes;
            missing += page.IsWhole ? 0 : 1;
            first.Add(page.Milliseconds);
            narrowed.Add(small.Milliseconds);
            calls.Add(asked);
        }
        Lists.Print("first", first);
        Lists.Print("narrowed", narrowed);
        Lists.Print("calls", calls);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bytes={bytes} missing={missing}"));
        var load = (await File.ReadAllTextAsync("/proc/loadavg")).Split(' ')[0];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"cpu: conductor_ms={cpu[0, 0]:0.0} console_ms={cpu[0, 1]:0.0} narrowed_conductor_ms={cpu[1, 0]:0.0} "
                + $"narrowed_console_ms={cpu[1, 1]:0.0} load={load}"));
        return 0;

        double[] Cpu() => [.. servers.Select(Tally.Cpu)];
    }

    // As its page asks: a form with a token.
    private static async Task Enter(HttpClient browser, Uri link)
    {
        var asked = await browser.GetStringAsync(link);
        using var form = new FormUrlEncodedContent(Hidden().Matches(asked)
            .Select(f => KeyValuePair.Create(f.Groups[1].Value, WebUtility.HtmlDecode(f.Groups[2].Value))));
        using var entered = await browser.PostAsync(link, form);
        entered.EnsureSuccessStatusCode();
    }

    // A part whose answer does not come within 5 s says so.
    private static async Task<(double Milliseconds, int Bytes, bool IsWhole)> Get(HttpClient browser, Uri address)
    {
        var began = Stopwatch.GetTimestamp();
        var page = await browser.GetByteArrayAsync(address);
        var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        return (took, page.Length, page.AsSpan().IndexOf("is not to be had now"u8) < 0);
    }

    private static async Task<double> Ask(ConductorService.ConductorServiceClient client)
    {
        var began = Stopwatch.GetTimestamp();
        var filter = new InstanceFilter();
        var counts = client.SummarizeInstancesAsync(new() { Filter = filter });
        var causes = client.SummarizeCausesAsync(new() { Filter = filter });
        var list = client.ListInstancesAsync(new() { Filter = filter, PageSize = 50 });
        var taken = client.SummarizeConvergenceAsync(new() { Filter = new() { ShowTerminated = true } });
        await Task.WhenAll(counts.ResponseAsync, causes.ResponseAsync, list.ResponseAsync, taken.ResponseAsync);
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    [GeneratedRegex("<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"")]
    private static partial Regex Hidden();
}
