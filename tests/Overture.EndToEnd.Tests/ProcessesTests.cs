using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>eng/processes.sh by itself: what ./run does about a process that ends.</summary>
[Trait("Category", "e2e")]
public sealed class ProcessesTests : IDisposable
{
    private readonly TempDirectory home = new();

    public ProcessesTests()
    {
        Directory.CreateDirectory(home.File("run"));
        Directory.CreateDirectory(home.File("log"));
    }

    [Fact]
    public async Task Process_ThatEndsAgainAndAgain_IsGivenUpWithAnErrorAndItsLastLines()
    {
        var ran = await Script("""
            start() { launch "$1" sh -c 'echo cause number $$; exit 3'; }
            start bad
            while watch_processes; do sleep 0.1; done
            exit 9
            """);
        Assert.Equal(9, ran.ExitCode);
        Assert.Equal(5, ran.Errors.Split('\n').Count(l => l == "bad ended with exit code 3"));
        Assert.Contains("cause number", ran.Errors, StringComparison.Ordinal);
        Assert.Contains("error: bad ended 5 times, each time within 60 s of its start", ran.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Packages_WhileAptWorks_WhatItIsAtIsSaidAndNothingOfItStays()
    {
        // An apt that ends once its step was said.
        await File.WriteAllTextAsync(home.File("apt-get"), """
            #!/bin/bash
            [[ " $* " == *" install "* ]] || exit 0
            echo "Setting up redis-server (5:7.0.15) ..."
            for ((i = 0; i < 300; i++)); do
                ! grep -q "Setting up redis-server" "$OUT" || exit 0
                sleep 0.1
            done
            exit 1
            """);
        File.SetUnixFileMode(home.File("apt-get"), (UnixFileMode)0x1ED); // 0755
        var ran = await Script("""
            . eng/packages.sh
            policy=$home/policy-rc.d PATH=$home:$PATH
            export OUT=$home/out
            (quiet_install redis-server) > "$OUT"
            [ ! -e "$policy" ]
            cat "$OUT"
            """);
        Assert.Equal(0, ran.ExitCode);
        Assert.Matches(@"^  \d+ s: Setting up redis-server \(5:7\.0\.15\) \.\.\.\n\z", ran.Output);
        Assert.Empty(HostProcesses.With(home.Path));
    }

    [Fact]
    public async Task Process_KilledWhileSomethingElseIsWaitedFor_IsReportedAtOnce()
    {
        var ran = await Script("""
            launch good sleep 100
            launch other sleep 100
            (sleep 0.5; read -r pid _ < "$home/run/other.pid"; kill -9 "$pid") &
            await "the good one is ready" 60 good false || { stop good; exit 8; }
            """);
        Assert.Equal(8, ran.ExitCode);
        Assert.Contains("other ended by signal 9 (KILL)", ran.Errors, StringComparison.Ordinal);
        Assert.Contains("error: other ended while this waited: the good one is ready", ran.Errors, StringComparison.Ordinal);
        Assert.InRange(ran.Took.TotalSeconds, 0, 20);
    }

    // CI read an empty pid file: it was written in place. A second link still holds the first pid only where the file was replaced whole.
    [Theory]
    [InlineData("eng/processes.sh", "launch good sleep 100", "$home/run/good.pid", "stop good")]
    [InlineData("eng/stock-puppetserver.sh", "start_stock_puppetserver $home 1", "$home/pid", "stop_stock_puppetserver $home")]
    public async Task PidFile_IsReplacedWholeAndNeverSeenEmpty(string script, string start, string file, string stop)
    {
        var ran = await Script($$"""
            . {{script}}
            _stock_prepare() { :; }; _stock_exec() { exec sleep 100; }; _stock_answers() { true; }
            {{start}}
            ln {{file}} $home/kept
            first=$(cat {{file}})
            kill "${first% *}"
            while [ -e "/proc/${first% *}/exe" ]; do sleep 0.05; done
            {{start}}
            [ "$(cat $home/kept)" = "$first" ]
            [ "$(cat {{file}})" != "$first" ]
            {{stop}}
            [ -z "$(find $home -name '*pid*')" ]
            """);
        Assert.True(ran.ExitCode == 0, $"exit code {ran.ExitCode}\n{ran.Output}\n{ran.Errors}");
    }

    [Fact]
    public async Task Process_ThatWasStopped_IsNotStartedAgain()
    {
        var ran = await Script("""
            start() { echo "started $1 again"; }
            launch good sleep 100
            stop good
            watch_processes; watch_processes
            """);
        Assert.Equal((0, "", ""), (ran.ExitCode, ran.Output, ran.Errors));
    }

    public void Dispose() => home.Dispose();

    private Task<Ran> Script(string body) => Shell.Run("bash", ["-euo", "pipefail", "-c",
        ". eng/processes.sh; home=$1 restart_pause=0\n" + body, "-", home.Path], null, directory: RepositoryPaths.Root);
}
