using System.Net;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Serving;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The access log where logrotate has been.</summary>
public sealed class AccessLogTests
{
    [Fact]
    public void Sighup_NewFileInItsPlace_IsWrittenToFromThenOn()
    {
        using var files = new TempDirectory();
        var path = files.File("access.log");
        using var reload = new ReloadSignal();
        reload.LogTo(new LoggedLines<ReloadSignal>());
        using var log = new AccessLog(
            new CertAuthorityOptions { PuppetApi = new() { AccessLog = path } }, reload, TimeProvider.System, new LoggedLines<AccessLog>());
        Write(log, "/before");
        File.Move(path, path + ".1");
        File.WriteAllText(path, "");
        reload.Reload("SIGHUP");
        Write(log, "/after");
        Assert.Contains("/after", File.ReadAllText(path), StringComparison.Ordinal);
        Assert.DoesNotContain("/after", File.ReadAllText(path + ".1"), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_AfterDisposal_IsLeftOut()
    {
        using var files = new TempDirectory();
        var path = files.File("access.log");
        var options = new CertAuthorityOptions { PuppetApi = new() { AccessLog = path } };
        using var reload = new ReloadSignal();
        reload.LogTo(new LoggedLines<ReloadSignal>());
        using var log = new AccessLog(options, reload, TimeProvider.System, new LoggedLines<AccessLog>());
        Write(log, "/before");
        log.Dispose();
        Write(log, "/after");
        reload.Reload("SIGHUP");
        Write(log, "/later");
        Assert.Contains("/before", Assert.Single(File.ReadAllLines(path)), StringComparison.Ordinal);
    }

    private static void Write(AccessLog log, string target) =>
        log.Write(IPAddress.Loopback, DateTimeOffset.UnixEpoch, "GET", target, "HTTP/1.1", 200, "1");
}
