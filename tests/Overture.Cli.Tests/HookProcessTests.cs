using System.Net.Sockets;
using System.Text;
using Overture.Cli.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>
/// Hooks as processes with a careless caller: descriptors closed, stdin without end, no log, a service that says nothing.
/// </summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class HookProcessTests : IAsyncLifetime
{
    private const string Csr = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n";
    private readonly OvertureFixture overture;
    private readonly TempDirectory own = new();

    public HookProcessTests(OvertureFixture overture) => this.overture = overture;

    public Task InitializeAsync() => OvertureFixture.InstallHooks(own.Path);

    public Task DisposeAsync()
    {
        own.Dispose();
        return Task.CompletedTask;
    }

    [Theory]
    [InlineData("<&-")]
    [InlineData("2>&-")]
    [InlineData("<&- 2>&-")]
    [InlineData("< <(yes)")]
    [InlineData("< <(exec sleep 5 2> /dev/null)")]
    [InlineData("< /dev/zero")]
    public async Task Enc_WhateverItsDescriptors_AnswersTheSame(string redirection)
    {
        var ran = (await Run($"overture-enc {FakeClassifier.Known} {redirection}")).Exit(0);
        Assert.Equal(FakeClassifier.Yaml, ran.Output);
    }

    [Fact]
    public async Task Enc_StdoutClosed_IsNotSuccess() => (await Run($"overture-enc {FakeClassifier.Known} >&-")).Exit(70)
        .Says("stdout is closed");

    [Fact]
    public async Task Enc_AppendsWhereTheShellStands()
    {
        (await Run($"sh -c 'overture-enc {FakeClassifier.Known}; overture-enc {FakeClassifier.Known}' > out")).Exit(0);
        Assert.Equal(FakeClassifier.Yaml + FakeClassifier.Yaml, await File.ReadAllTextAsync(own.File("out")));
    }

    [Theory]
    [InlineData("<&-", 1)]
    [InlineData("< /dev/null", 1)]
    [InlineData("< <(yes)", 7)]
    [InlineData("2>&- < /dev/null", 1)]
    public async Task Autosign_WhateverItsStdin_EndsAndNeverSigns(string redirection, int exit) =>
        (await Run($"overture-autosign held.example.com {redirection}")).Exit(exit);

    [Fact]
    public async Task Autosign_NothingAtAll_StillWorks()
    {
        // No HOME, no PATH, no terminal, no home directory of that user.
        await File.WriteAllTextAsync(own.File("csr.pem"), Csr);
        (await Run("setsid -w env -i OVERTURE_HOOKS_CONFIG=$OVERTURE_HOOKS_CONFIG ./overture-autosign good.example.com < csr.pem")).Exit(0);
        (await Run($"setsid -w env -i OVERTURE_HOOKS_CONFIG=$OVERTURE_HOOKS_CONFIG ./overture-enc {FakeClassifier.Known}")).Exit(0);
    }

    [Fact]
    public async Task Enc_ServiceThatTakesTheConnectionAndSaysNothing_IsGivenUpInTime()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        await Configure(overture.Config("enc", ((System.Net.IPEndPoint)listener.LocalEndpoint).Port));
        var ran = (await Run($"overture-enc {FakeClassifier.Known}")).Exit(7).Says("did not finish in the time given (trace ");
        Assert.InRange(ran.Took.TotalSeconds, 1, 30); // 2 s, and what a busy machine adds
    }

    [Theory]
    [InlineData("syslog")]
    [InlineData("both")]
    public async Task Log_ToSyslog_HasEachRunWithItsTrace(string log)
    {
        using var syslog = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        syslog.Bind(new UnixDomainSocketEndPoint(own.File("log")));
        await Configure($"{overture.Config("enc")}\nlog: {log}\nsyslogSocket: {own.File("log")}\n");

        Assert.Equal("", (await Run($"overture-enc {FakeClassifier.Known}")).Exit(0).Errors);
        Assert.Matches($@"^<30>overture-enc\[\d+\]: {FakeClassifier.Known}: answered in \d+ ms \(trace [0-9a-f]{{32}}\)$",
            Received(syslog));

        var refused = (await Run("overture-enc unknown.example.com")).Exit(3);
        Assert.Matches(
            @"^<28>overture-enc\[\d+\]: unknown.example.com: no definition of unknown.example.com \(NODE_UNKNOWN, trace [0-9a-f]{32}\)",
            Received(syslog));
        Assert.Equal(log == "both", refused.Errors.Contains("NODE_UNKNOWN", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Log_SyslogAway_ChangesNoAnswerAndLosesNoFailure()
    {
        await Configure($"{overture.Config("enc")}\nlog: syslog\nsyslogSocket: /nonexistent/log\n");
        (await Run($"overture-enc {FakeClassifier.Known}")).Exit(0);
        (await Run("overture-enc unknown.example.com")).Exit(3).Says("NODE_UNKNOWN");
    }

    [Fact]
    public async Task Log_SyslogFull_IsNotWaitedFor()
    {
        using var syslog = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        syslog.Bind(new UnixDomainSocketEndPoint(own.File("log")));
        await Configure($"{overture.Config("enc")}\nlog: syslog\nsyslogSocket: {own.File("log")}\n");
        // Nothing reads: the queue of a datagram socket holds a few messages (net.unix.max_dgram_qlen).
        for (var run = 0; run < 15; run++)
            (await Run($"overture-enc {FakeClassifier.Known}")).Exit(0);
        Assert.Contains("NODE_UNKNOWN", (await Run("overture-enc unknown.example.com")).Exit(3).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_UnknownPlace_IsToldByLine()
    {
        await Configure($"{overture.Config("enc")}\nlog: nowhere\n");
        (await Run($"overture-enc {FakeClassifier.Known}")).Exit(78).Says(".yaml:5: log must be stderr, syslog or both");
    }

    [Fact]
    public async Task Replay_Enc_AnswersAndTellsEachStep()
    {
        var ran = (await Run($"overture-enc --replay {FakeClassifier.Known}")).Exit(0);
        Assert.Equal(FakeClassifier.Yaml, ran.Output);
        string[] steps = ["as puppetserver runs it: setpriv --reuid puppet", "ms  configuration ", "ms  certificate ", "ms  localhost is ",
            "ms  connected to ", "ms  handshake: classifier shows classifier, until ", "ms  answer: ", "ms  exit 0, trace "];
        Assert.All(steps.Zip(ran.Errors.TrimEnd('\n').Split('\n')), p => Assert.Contains(p.First, p.Second, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Replay_Failure_TellsHowFarItCameAndTheRetry()
    {
        await Configure(overture.Config("enc", FreePort.Next()));
        var ran = (await Run($"overture-enc --replay {FakeClassifier.Known}")).Exit(5).Says("Connection refused; once more after 150 ms")
            .Says("next: is it running?").Says("ms  exit 5");
        Assert.Equal(2, ran.Errors.Split("ms  localhost is ").Length - 1);
    }

    [Fact]
    public async Task Replay_Autosign_TakesTheRequestFromAFile()
    {
        await File.WriteAllTextAsync(own.File("csr.pem"), Csr);
        (await Run("overture-autosign --replay good.example.com csr.pem")).Exit(0).Says("ms  answer: sign");
        (await Run("overture-autosign --replay held.example.com csr.pem")).Exit(1).Says("HELD_FOR_APPROVAL");
        (await Run("overture-autosign --replay held.example.com none.pem")).Exit(2).Says("there is no file none.pem");
        (await Run("overture-autosign --replay held.example.com")).Exit(2).Says("usage:");
        (await Run("overture-enc --replay")).Exit(2).Says("usage:");
    }

    private Task Configure(string config) =>
        File.WriteAllTextAsync(Path.Combine(overture.Pki.Home, $"{Path.GetFileName(own.Path)}.yaml"), config);

    private async Task<Ran> Run(string command)
    {
        var mine = Path.Combine(overture.Pki.Home, $"{Path.GetFileName(own.Path)}.yaml");
        var environment = new Dictionary<string, string?>
        {
            ["OVERTURE_HOOKS_CONFIG"] = File.Exists(mine) ? mine : Path.Combine(overture.Pki.Home, "hooks.yaml"),
            ["PATH"] = $"{own.Path}:/usr/bin:/bin",
            ["HOME"] = null,
        };
        return await Shell.Run("bash", ["-c", command], environment, directory: own.Path);
    }

    private static string Received(Socket syslog)
    {
        syslog.ReceiveTimeout = 5000;
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, syslog.Receive(buffer));
    }
}
