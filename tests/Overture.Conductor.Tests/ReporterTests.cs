using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.Conductor.Tests;

/// <summary>The reporter that user data leaves behind, on a real boot: the real cloud-init, the real agent.</summary>
[Trait("Category", "integration")]
public sealed partial class ReporterTests(ITestOutputHelper output)
{
    private const string Folder = "/var/lib/cloud/instance/overture";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(600);

    [Fact]
    public async Task Boot_OfAnAgentThatFindsNoServer_ReportsStagesAndWordsUntilItHasConverged()
    {
        await using var world = new FirstBootWorld();
        await world.Start();
        var registered = await world.Registration(s => (s.Puppet.Server, s.Puppet.CaServer, s.Puppet.CaPort) =
            ("localhost", "localhost", FreePort.Next()));
        var name = CertName.Parse(registered.Instance.Certname);
        await using var node = new BootedInstance("i-speaks", Encoding.UTF8.GetBytes(registered.UserData), []);

        // 1. its stages and its agent's words come, though no report ever will
        string[] stages = ["init-local", "init", "modules-config", "modules-final"];
        var record = await Eventually.Get(async () =>
            await world.Store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), default) is { } found
                && stages.All(s => found.Stages.Any(f => f.Name == s && f.Ended is not null)) && found.Said.Any(l => l.Level == "err")
                ? found : null, "stages and words arrive", Limit);
        Assert.Equal(stages, record.Stages.OrderBy(s => s.Started.ToDateTimeOffset()).Select(s => s.Name));
        Assert.All(record.Stages, s => Assert.InRange((s.Ended - s.Started).ToTimeSpan(), TimeSpan.FromMilliseconds(1), Limit));
        var lines = (await world.Host.As("viewer").GetTimelineAsync(new() { Certname = $"{name}" })).Events;
        Assert.Contains(lines, l => l.Service == "instance" && l.Detail.Contains("Connection refused", StringComparison.Ordinal));
        var cause = (await world.Host.As("viewer").ExplainInstanceAsync(new() { Certname = $"{name}" })).Causes[0];
        Assert.Equal(("CONNECTION_REFUSED", "agent"), (cause.Reason, cause.Proofs.Single().Source));
        Assert.Contains("overture: the agent says (err): ", node.Console, StringComparison.Ordinal);

        // 2. its token is in no command line, no file of its own, and not on the console
        var token = world.TokenOf(name);
        Assert.NotEmpty(await Reporters(node));
        Assert.NotEqual(0,
            (await node.Inside("sh", "-c", $"grep -qs '[{token[0]}]{token[1..]}' /proc/[0-9]*/cmdline {Folder}/*")).ExitCode);
        Assert.DoesNotContain(token, node.Console, StringComparison.Ordinal);

        // 3. it has converged: nothing is left that runs, and no file but the mark that keeps the next boot quiet
        await world.Host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
        await world.Host.Get<InstanceTable>().Refold(name, default);
        await Eventually.True(async () => (await Reporters(node)).Length == 0, "the reporter has ended", Limit);
        Assert.Equal("agent\nreported\n",
            (await node.Inside("sh", "-c", $"cd {Folder}; ls -d agent agent-reporter agent-reporter.pem reported 2>/dev/null")).Output);
        (await node.Inside("sh", "-c", $"echo secret >{Folder}/agent-reporter; sh {Folder}/agent boot </dev/null")).Ok();
        Assert.NotEqual(0, (await node.Inside("test", "-e", $"{Folder}/agent-reporter")).ExitCode);
        Assert.Empty(await Reporters(node));
    }

    /// <summary>
    /// What the reporter of a Conductor that is dead, silent, lying or full takes of a boot: what its steps in bootcmd, which write and start
    /// it, and its processes use of the processor until the boot is over; and that these steps wait for nothing: by the clock, which a loaded
    /// machine makes late, they stay below any limit of a connection. Everything else is in a process that nothing waits for (below).
    /// </summary>
    [Theory]
    [InlineData("refused")]
    [InlineData("dropped")]
    [InlineData("silent")]
    [InlineData("HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nno\n",
        "HTTP/1.1 302 Found\r\nLocation: https://localhost:1/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", "\0\0\0garbage garbage garbage\n\n\n")]
    public async Task Boot_WhateverTheConductorDoes_TakesNoSecondOfItAndSucceeds(params string[] answers)
    {
        var answer = answers[0];
        using var ca = new TestPuppetCa();
        await using var server = answer is "refused" or "dropped" ? null : new Answering(ca, answers);
        var url = new Uri(answer == "dropped" ? "https://192.0.2.9:8145" : $"https://localhost:{server?.Port ?? FreePort.Next()}");
        // Packets into a device that no one reads from are lost without a word.
        var network = "ip link set lo up" + (answer == "dropped"
            ? "; ip tuntap add t0 mode tun; ip addr add 192.0.2.1/24 dev t0; ip link set t0 up" : "");
        await using var node = Boot(ca, url, server is null ? network : null, Measured);
        await Booted(node);
        var (used, steps) = await Taken(node);
        output.WriteLine($"{Regex.Escape(answer)}: {used.TotalSeconds:0.00} s, by the clock {steps.TotalSeconds:0.00} s");
        Assert.InRange(used, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(1));
        Assert.InRange(steps, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(5));
        if (server is not null)
            await Eventually.True(() => server.Taken >= answers.Length, "the reporter has had each of the answers", Limit);
    }

    /// <summary>A reporter that never ends, from its first line on, holds up no stage: it is init's child, and no stage's output is its.</summary>
    [Fact]
    public async Task Boot_ReporterThatNeverEnds_IsWaitedForByNothing()
    {
        using var ca = new TestPuppetCa();
        await using var node = Boot(ca, new Uri($"https://localhost:{FreePort.Next()}"), null,
            text => Packed(text, AgentScript.ReporterMark, program => "import time\ntime.sleep(1e9)\n" + program));
        await Booted(node);
        var running = (await Reporters(node)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(f => f.Split('/')[2]).ToList();
        Assert.NotEmpty(running);
        foreach (var pid in running)
        {
            Assert.Equal("PPid:\t1\n", (await node.Inside("grep", "^PPid", $"/proc/{pid}/status")).Ok());
            Assert.Equal("/dev/null\n", (await node.Inside("sh", "-c", $"readlink /proc/{pid}/fd/[012] | sort -u")).Ok());
        }
    }

    private static BootedInstance Boot(TestPuppetCa ca, Uri url, string? network, Func<string, string> change)
    {
        var spec = LaunchPlan.From(ConductorFixture.Spec(s => (s.Puppet.Server, s.Puppet.CaServer, s.Puppet.CaPort) =
            ("localhost", "localhost", FreePort.Next())), "file:/x", _ => new FakeProvider()).Spec;
        var text = UserData.Render(TestIds.New().CertName(), spec, "production", new string('a', 52), ca.BundlePem,
            reporter: new Reporter(url, new string('a', 64)));
        return new BootedInstance("i-speaks", Encoding.UTF8.GetBytes(change(text)), [], network: network);
    }

    // Its file is written, and agent.sh starts it: each with the clock, in nanoseconds, and the shell's times(1p) before and after.
    private static string Measured(string text)
    {
        const string written = "(umask 077; mkdir -p \\\"${f%/*}\\\" && base64 -d | gzip -dc >$f-reporter)",
            ended = $"\\n{AgentScript.ReporterMark}\\n", began = "date +%s%N >>/run/took; times >>/run/took",
            took = "times >>/run/took; date +%s%N >>/run/took";
        text = Once(text, written, $"{began}; {written}");
        text = Once(text, $"{ended}sh $f boot", $"{ended}{took}\\nsh $f boot");
        return Packed(text, "OVERTURE_AGENT", script => Once(script, "\nreporter\nwatcher\n", $"\n{began}\nreporter\n{took}\nwatcher\n"));
    }

    // A program of user data, compressed in a here-document, whose lines are one of YAML.
    private static string Packed(string text, string mark, Func<string, string> change)
    {
        var packed = Regex.Match(text, $@"{mark}'.*?\\n([A-Za-z0-9+/=]+)\\n{mark}").Groups[1];
        Assert.True(packed.Success, mark);
        using var unpacked = new StreamReader(new GZipStream(new MemoryStream(Convert.FromBase64String(packed.Value)),
            CompressionMode.Decompress), Encoding.ASCII);
        using var again = new MemoryStream();
        using (var gzip = new GZipStream(again, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(Encoding.ASCII.GetBytes(change(unpacked.ReadToEnd())));
        return text[..packed.Index] + Convert.ToBase64String(again.ToArray()) + text[(packed.Index + packed.Length)..];
    }

    private static string Once(string text, string old, string other)
    {
        Assert.Equal(2, text.Split(old).Length);
        return text.Replace(old, other, StringComparison.Ordinal);
    }

    private static async Task Booted(BootedInstance node)
    {
        await Eventually.True(() => Finished().IsMatch(node.Console), "it booted", Limit);
        Assert.Equal("0", Finished().Match(node.Console).Groups[1].Value);
        await Eventually.True(async () => (await Reporters(node)).Length > 0, "the reporter runs after the boot, not in it", Limit);
    }

    // proc_pid_stat(5): utime, stime, and those of children that ended, in hundredths of a second; its name has a closing bracket behind it.
    private static async Task<(TimeSpan Used, TimeSpan Steps)> Taken(BootedInstance node)
    {
        var stat = (await node.Inside("sh", "-c", $"cat $(grep -ls 'agent-[r]eporter' /proc/[0-9]*/cmdline | sed 's/cmdline/stat/')")).Ok();
        var used = Lines(stat).SelectMany(l => l[(l.LastIndexOf(')') + 2)..].Split(' ')[11..15])
            .Sum(t => long.Parse(t, CultureInfo.InvariantCulture));
        // Of each step: the clock, two lines of times, two again, the clock.
        var steps = Lines((await node.Inside("cat", "/run/took")).Ok()).Chunk(6).ToList();
        Assert.Equal(2, steps.Count);
        return (TimeSpan.FromMilliseconds(used * 10) + Total(steps, s => Processor(s[3..5]) - Processor(s[1..3])),
            Total(steps, s => TimeSpan.FromMilliseconds((Number(s[5]) - Number(s[0])) / 1e6)));

        static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
        static TimeSpan Total(List<string[]> steps, Func<string[], TimeSpan> of) => steps.Aggregate(TimeSpan.Zero, (all, s) => all + of(s));
        // "0m0.010000s 0m0.000000s": its own of user and system; then those of its children.
        static TimeSpan Processor(string[] times) => times.SelectMany(l => ShellTime().Matches(l)).Aggregate(TimeSpan.Zero, (all, t) =>
            all + TimeSpan.FromSeconds(60 * Number(t.Groups[1].Value) + Number(t.Groups[2].Value)));
    }

    private static async Task<string> Reporters(BootedInstance node) =>
        (await node.Inside("sh", "-c", "grep -ls 'agent-[r]eporter' /proc/[0-9]*/cmdline")).Output;

    [GeneratedRegex(@"overture: cloud-init finished rc=(\d+) (\S+Z)")]
    private static partial Regex Finished();

    [GeneratedRegex(@"(\d+)m([\d.]+)s")]
    private static partial Regex ShellTime();

    // Takes every connection, and says the next of these in turn, or nothing, once there is a request.
    private sealed class Answering : IAsyncDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource ending = new();
        private readonly Task accepting;
        private int taken;

        public Answering(TestPuppetCa ca, string[] answers)
        {
            listener.Start();
            accepting = Accept(ca, answers);
        }

        public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

        public int Taken => Volatile.Read(ref taken);

        public async ValueTask DisposeAsync()
        {
            await ending.CancelAsync();
            listener.Stop();
            await accepting;
            ending.Dispose();
        }

        private async Task Accept(TestPuppetCa ca, string[] answers)
        {
            using var certificate = ca.Issue("conductor", "localhost");
            var open = new List<TcpClient>();
            try
            {
                while (true)
                {
                    var client = await listener.AcceptTcpClientAsync(ending.Token);
                    open.Add(client);
                    var answer = answers[(Interlocked.Increment(ref taken) - 1) % answers.Length];
                    if (answer != "silent")
                        _ = Say(client, certificate, answer);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                open.ForEach(c => c.Dispose());
            }
        }

        private static async Task Say(TcpClient client, X509Certificate2 certificate, string answer)
        {
            try
            {
                using var tls = new System.Net.Security.SslStream(client.GetStream());
                await tls.AuthenticateAsServerAsync(certificate);
                _ = await tls.ReadAsync(new byte[64 * 1024]);
                await tls.WriteAsync(Encoding.ASCII.GetBytes(answer));
            }
            catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException or ObjectDisposedException)
            {
                // It has hung up.
            }
        }
    }
}
