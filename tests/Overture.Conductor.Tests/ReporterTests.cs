using System.Globalization;
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
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(240);

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
    /// A boot with a reporter whose Conductor is dead, silent, lying or full, against one without, at the same time on the same machine:
    /// no more than a second longer, and as good. What a loaded machine adds to one of the two is not counted: the best of some pairs is.
    /// </summary>
    [Theory]
    [InlineData("refused")]
    [InlineData("dropped")]
    [InlineData("silent")]
    [InlineData("HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nno\n")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: https://localhost:1/\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("\0\0\0garbage garbage garbage\n\n\n")]
    public async Task Boot_WhateverTheConductorDoes_TakesNoLongerAndSucceeds(string answer)
    {
        using var ca = new TestPuppetCa();
        await using var server = answer is "refused" or "dropped" ? null : new Answering(ca, answer);
        var url = new Uri(answer == "dropped" ? "https://192.0.2.9:8145" : $"https://localhost:{server?.Port ?? FreePort.Next()}");
        // Packets into a device that no one reads from are lost without a word.
        var network = "ip link set lo up" + (answer == "dropped"
            ? "; ip tuntap add t0 mode tun; ip addr add 192.0.2.1/24 dev t0; ip link set t0 up" : "");
        var shared = server is null ? network : null;
        var best = TimeSpan.MaxValue;
        for (var pair = 0; pair < 12 && best > TimeSpan.FromSeconds(1); pair++)
        {
            var times = await Task.WhenAll(Duration(ca, null, shared), Duration(ca, new Reporter(url, new string('a', 64)), shared));
            output.WriteLine($"{Regex.Escape(answer)}: without {times[0].TotalSeconds:0.00} s, with {times[1].TotalSeconds:0.00} s");
            best = times[1] - times[0] < best ? times[1] - times[0] : best;
        }
        Assert.True(best <= TimeSpan.FromSeconds(1), $"the boot took {best.TotalSeconds:0.00} s longer");
        Assert.True(server is null || server.Taken > 0, "the reporter never called");
    }

    private static async Task<TimeSpan> Duration(TestPuppetCa ca, Reporter? reporter, string? network)
    {
        var spec = LaunchPlan.From(ConductorFixture.Spec(s => (s.Puppet.Server, s.Puppet.CaServer, s.Puppet.CaPort) =
            ("localhost", "localhost", FreePort.Next())), "file:/x", _ => new FakeProvider()).Spec;
        var text = UserData.Render(TestIds.New().CertName(), spec, "production", new string('a', 52), ca.BundlePem, reporter: reporter);
        await using var node = new BootedInstance(reporter is null ? "i-mute" : "i-speaks", Encoding.UTF8.GetBytes(text), [],
            network: network);
        await Eventually.True(() => Finished().IsMatch(node.Console), "it booted", Limit);
        Assert.Equal("0", Finished().Match(node.Console).Groups[1].Value);
        if (reporter is not null)
            await Eventually.True(async () => (await Reporters(node)).Length > 0, "the reporter runs after the boot, not in it");
        return At(Finished().Match(node.Console).Groups[2].Value) - At(Started().Match(node.Console).Groups[1].Value);
    }

    private static async Task<string> Reporters(BootedInstance node) =>
        (await node.Inside("sh", "-c", "grep -ls 'agent-[r]eporter' /proc/[0-9]*/cmdline")).Output;

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"overture: boot started (\S+Z)")]
    private static partial Regex Started();

    [GeneratedRegex(@"overture: cloud-init finished rc=(\d+) (\S+Z)")]
    private static partial Regex Finished();

    // Takes every connection, and says that, or nothing, once there is a request.
    private sealed class Answering : IAsyncDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource ending = new();
        private readonly Task accepting;
        private int taken;

        public Answering(TestPuppetCa ca, string answer)
        {
            listener.Start();
            accepting = Accept(ca, answer);
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

        private async Task Accept(TestPuppetCa ca, string answer)
        {
            using var certificate = ca.Issue("conductor", "localhost");
            var open = new List<TcpClient>();
            try
            {
                while (true)
                {
                    var client = await listener.AcceptTcpClientAsync(ending.Token);
                    open.Add(client);
                    Interlocked.Increment(ref taken);
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
