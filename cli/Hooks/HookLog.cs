using System.Net.Sockets;
using System.Text;
using Overture.Cli.Output;

namespace Overture.Cli.Hooks;

/// <summary>
/// The line of a run, to where `log` of hooks.yaml says. On stderr are failures alone, since puppetserver makes a warning of every line
/// there; in syslog (facility daemon) is each run. A log that is away never decides how the hook ends.
/// </summary>
internal sealed class HookLog(string hook, string subject)
{
    private const int Daemon = 3 * 8, Warning = 4, Info = 6;
    private bool stderr = true;
    private string socket = "";

    public void Configure(CliConfig config)
    {
        stderr = config.Log != "syslog";
        socket = config.Log == "stderr" ? "" : config.SyslogSocket;
    }

    /// <summary>It went well.</summary>
    public void Note(string text) => ToSyslog(Info, text);

    /// <summary>It failed.</summary>
    public void Warn(string text)
    {
        // Without a log, Puppet at least keeps the line.
        if (!ToSyslog(Warning, text) || stderr)
            Printer.Say($"{hook}{(subject.Length > 0 ? " " + subject : "")}: {text}");
    }

    private bool ToSyslog(int severity, string text)
    {
        if (socket.Length == 0)
            return false;
        try
        {
            using var log = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            log.Connect(new UnixDomainSocketEndPoint(socket));
            // RFC 3164 as local daemons read it: they add time and host themselves.
            log.Send(Encoding.UTF8.GetBytes(
                $"<{Daemon + severity}>{hook}[{Environment.ProcessId}]: "
                    + $"{(subject.Length > 0 ? subject + ": " : "")}{Printable.Sentence(text)}"));
            return true;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return false;
        }
    }
}
