using Overture.Conductor.Console;
using Overture.Conductor.Providers;
using Overture.Conductor.Workers;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Review, point 14: what a console shows of a boot that stalled, however much was printed after it.</summary>
public sealed class ConsoleFindingsTests
{
    private static readonly string Systemd =
        string.Concat(Enumerable.Range(0, 400).Select(i => $"[    {i / 10}.{i:000000}] systemd[1]: Started thing {i}.\r\n"));
    private const string Fine = "Cloud-init v. 22.4.2 running 'modules:final' at Sun, 29 Nov 2026 12:06:41 +0000.\r\nCloud-init v. "
        + "22.4.2 finished at Sun. Datasource DataSourceEc2Local. Up 20 seconds\r\n\r\nip-10-0-0-9 login: ";

    [Theory]
    [InlineData("fatal: unable to access 'https://bot:ghp_T0k3n@example.com/x/': Could not resolve host: example.com", "ghp_T0k3n")]
    [InlineData("db_password=hunter2 No space left on device", "hunter2")]
    [InlineData("API_KEY: abc123xyz; E: Unable to locate package x", "abc123xyz")]
    public void Find_LineWithASecret_IsMasked(string line, string secret)
    {
        var found = Assert.Single(ConsoleFindings.Find(line, asked: false));
        Assert.DoesNotContain(secret, found.Line, StringComparison.Ordinal);
        Assert.Contains("********", found.Line, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, ConsoleFindings.Of(line, asked: false), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2026-11-29 12:06:39,700 - handlers[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: "
        + "'b'I2Nsb3VkLWNvbmZpZwoicGFj'...'", "encoded twice", "encoded it once more")]
    [InlineData("2026-11-29 12:06:39,700 - handlers[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: "
        + "'b'H4sIAAAAAAACA3VTTW/bMAy9'...'", "compressed and then encoded twice", "encoded it once more")]
    [InlineData("2026-11-29 12:06:39,700 - handlers[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: "
        + "'b'cGFja2FnZXM6'...'", "of an unknown type", "encoded or compressed it again")]
    [InlineData("[    4.1] cloud-init-generator[312]: ds-identify found no datasource; cloud-init is not enabled",
        "found no cloud that it knows", "datasource_list")]
    [InlineData("2026-11-29 12:06:39,700 - DataSourceEc2.py[WARNING]: strict_id is true and this is not on a EC2 platform",
        "does not take this cloud for EC2", "strict_id: false")]
    [InlineData("2026-11-29 12:07:01,002 - util.py[WARNING]: Running module puppet (<module 'cloudinit.config.cc_puppet' from "
        + "'/usr/lib/python3/dist-packages/cloudinit/config/cc_puppet.py'>) failed",
        "Puppet could not be set up", "package or its repository")]
    [InlineData("util.py[WARNING]: Running module puppet failed",
        "Puppet could not be set up", "package or its repository")]
    [InlineData("No 'final' modules to run under section 'cloud_final_modules'", "runs no modules in one stage", "cloud_final_modules")]
    [InlineData("[    1.204] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "the kernel stopped",
        "architecture")]
    [InlineData("You are in emergency mode. After logging in, type \"journalctl -xb\" to view", "emergency mode", "mounts")]
    [InlineData("[  OK  ] Reached target \u001b[0;1;39mEmergency Mode\u001b[0m.", "emergency mode", "mounts")]
    [InlineData("[  812.1] Out of memory: Killed process 812 (puppet) total-vm:1024kB", "memory ran out", "more memory")]
    [InlineData("Cloud-init v. 22.4.2 finished at Sun. Datasource DataSourceNone. Up 200 seconds", "no source of user data",
        "datasource_list")]
    [InlineData("E: Unable to locate package puppet-agent", "packages could not be installed", "package sources")]
    [InlineData("W: Failed to fetch http://deb.debian.org/debian/ Temporary failure resolving 'deb.debian.org'",
        "names could not be resolved", "DNS server")]
    [InlineData("Error: Could not request certificate: Error 403 on SERVER: TOKEN_MISSING", "was refused", "overture instance timeline")]
    [InlineData("Error: certificate verify failed [unable to get local issuer certificate for CN=ca]", "does not accept a certificate",
        "clocks")]
    [InlineData("cp: error writing '/var/x': No space left on device", "a disk is full", "larger disk")]
    [InlineData("Failed to shellify [{'echo Status': 'done'}] into file /var/lib/cloud/instance/scripts/runcmd", "ran none of its commands",
        "text or a list of texts")]
    [InlineData("puppet-agent[812]: Failed to open TCP connection to ca.example.com:8141 (Connection refused)", "could not be reached",
        "security groups")]
    public void P14_KnownLine_IsFoundInTheWholeConsoleAndSaidFirst(string line, string means, string next)
    {
        var report = StalledConsoleCapture.Report("It runs and asked for nothing.",
            Systemd + Fine + "\r\n" + line + "\r\n" + Systemd + Fine, asked: false);
        Assert.StartsWith("It runs and asked for nothing. Its console shows that ", report, StringComparison.Ordinal);
        Assert.Contains(means, report, StringComparison.Ordinal);
        Assert.Contains(next, report, StringComparison.Ordinal);
        Assert.True(report.IndexOf(ConsoleFindings.Plain(line)[..20], StringComparison.Ordinal) < report.IndexOf("Its console ends: ",
            StringComparison.Ordinal));
        Assert.EndsWith("ip-10-0-0-9 login:", report, StringComparison.Ordinal);
    }

    [Fact]
    public void P14_NoLineOfCloudInit_IsAFindingUntilTheInstanceAsked()
    {
        const string Console = "\r\nDebian GNU/Linux 13 localhost ttyS0\r\n\r\nlocalhost login: ";
        Assert.Contains("no line from cloud-init", ConsoleFindings.Of(Systemd + Console, asked: false), StringComparison.Ordinal);
        Assert.Equal("", ConsoleFindings.Of(Systemd + Console, asked: true));
        Assert.Equal("", ConsoleFindings.Of("", asked: false));
        Assert.Equal("", ConsoleFindings.Of(Systemd + Fine + Systemd, asked: false));
    }

    /// <summary>A boot of the local provider that was well (testdata/consoles), and what Linux prints elsewhere.</summary>
    [Fact]
    public void Find_ConsoleOfAHealthyBoot_IsNothing() =>
        Assert.Empty(ConsoleFindings.Find(File.ReadAllText(RepositoryPaths.File(
            "tests/Overture.Conductor.Tests/testdata/consoles/healthy-local.txt")), asked: false));

    [Theory]
    [InlineData("[    2.001] modprobe: ERROR: could not insert 'zfs': Exec format error")]
    [InlineData("[    3.112] systemd-binfmt[301]: /usr/bin/box64: cannot execute binary file")]
    [InlineData("[    5.318] Bluetooth: unsupported protocol 31")]
    [InlineData("[    1.120] integrity: Problem loading X.509 certificate: nested asn1 error")]
    [InlineData("[   11.204] systemd-journald[212]: Failed to forward to syslog: Broken pipe")]
    [InlineData("[   12.301] lvm[230]: end of file reached")]
    [InlineData("[   14.119] nginx[800]: upstream of /health: 502 Bad Gateway")]
    [InlineData("[   15.733] sshd[702]: error: kex_exchange_identification: read: Connection reset by peer")]
    [InlineData("[   16.201] apt-daily.service: Failed to write: Broken pipe")]
    [InlineData("[   16.402] systemd[1]: dpkg-db-backup.service: Connection reset by peer")]
    [InlineData("tar: Unexpected EOF in archive")]
    public void Find_LineOfAHealthySystem_IsNothing(string line) =>
        Assert.Empty(ConsoleFindings.Find(Systemd + line + "\r\n" + Fine, asked: false));

    [Theory]
    [InlineData("/var/lib/cloud/instance/scripts/part-001: 3: ./x: Exec format error", "ARCHITECTURE")]
    [InlineData("cloud-init[812]: /bin/bash: ./agent: cannot execute binary file", "ARCHITECTURE")]
    [InlineData("puppet-agent[812]: SSL_connect returned=1 errno=0 state=error: unsupported protocol", "TLS_VERSION")]
    [InlineData("Error: Could not run: nested asn1 error", "CERTIFICATE_FILES")]
    [InlineData("overture: the agent says (err): Request to https://ca:8141/puppet-ca/v1 failed: end of file reached", "CONNECTION_RESET")]
    [InlineData("curl: (56) Recv failure: Connection reset by peer", "CONNECTION_RESET")]
    [InlineData("Err:1 http://deb.debian.org/debian trixie InRelease 502  Bad Gateway [IP: 192.0.2.1 80]", "PROXY")]
    [InlineData(" - Curl error (56): Failure when receiving data for http://mirror.example/repomd.xml [Connection reset by peer]",
        "CONNECTION_RESET")]
    [InlineData("http://mirror.example/repodata/repomd.xml: [Errno 14] HTTP Error 502 - Bad Gateway", "PROXY")]
    [InlineData("Puppet (err): Could not send report: Broken pipe", "CONNECTION_RESET")]
    [InlineData("/opt/site/setup.sh: line 4: ./agent: cannot execute binary file: Exec format error", "ARCHITECTURE")]
    public void Find_ThoseWordsOfOneOfOurs_AreACause(string line, string code) =>
        Assert.Equal(code, Assert.Single(ConsoleFindings.Find(Systemd + line + "\r\n" + Fine, asked: false)).Code);

    [Fact]
    public void First_IsWhatTheConditionSays()
    {
        Assert.Null(ConsoleFindings.First("", asked: false));
        var first = ConsoleFindings.First("E: Unable to locate package puppet-agent\nKernel panic - not syncing: x", asked: false)!;
        Assert.Equal("Its console shows that the kernel stopped: \"Kernel panic - not syncing: x\".", first.Message);
        Assert.StartsWith("check that image", first.Next, StringComparison.Ordinal);
        Assert.EndsWith(".", first.Next, StringComparison.Ordinal);
    }

    [Fact]
    public void P14_SeveralLines_CauseComesBeforeWhatFollows()
    {
        const string Console = "util.py[WARNING]: Running module puppet failed\n" +
            "Err:1 Temporary failure resolving 'deb.debian.org'\nE: Unable to locate package puppet-agent\ncloud-init";
        InOrder(Console, "packages could not be installed", "Puppet could not be set up", "names could not be resolved");
        Assert.DoesNotContain("a module of cloud-init failed", ConsoleFindings.Of(Console, asked: false), StringComparison.Ordinal);
    }

    /// <summary>What passed by itself early on must not precede what failed; of equals the last line counts.</summary>
    [Fact]
    public void P14_EarlyTransients_ComeAfterWhatFailedLater()
    {
        const string Early = "No space left on device\ncurl: (6) Could not resolve host: deb.debian.org\nconnect: Network is unreachable\n";
        InOrder(Early + "util.py[WARNING]: Running module puppet failed",
            "Puppet could not be set up", "could not be reached", "names could not be resolved");
        InOrder(Early + "E: Unable to locate package puppet-agent\nError: certificate verify failed",
            "does not accept a certificate", "packages could not be installed", "could not be reached");
        InOrder("Kernel panic - not syncing: x\n" + Early, "the kernel stopped", "could not be reached", "names could not be resolved");
    }

    private static void InOrder(string console, params string[] sentences)
    {
        var found = ConsoleFindings.Of(console, asked: true);
        var places = sentences.Select(s => found.IndexOf(s, StringComparison.Ordinal)).ToList();
        Assert.DoesNotContain(-1, places);
        Assert.Equal(places.Order(), places);
    }

    [Fact]
    public void P14_HostileConsole_IsShortPlainText()
    {
        var report = StalledConsoleCapture.Report("x",
            new string('y', 1 << 20) + "\nUnhandled non-multipart \u001b]0;title\u0007\u001b[31m" + new string('z', 100_000), asked: false);
        Assert.InRange(report.Length, 700, 1400);
        Assert.DoesNotContain(report, char.IsControl);
    }
}
