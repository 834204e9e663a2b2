using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Overture.Platform.Serving;

/// <summary>
/// SIGHUP, SIGUSR1 and SIGUSR2: certificates of the internal PKI are read again, log files are opened again, one line says so. By default
/// each of them would end the process without a line; from the first statement of a service on, none does.
/// </summary>
public sealed partial class ReloadSignal : IDisposable
{
    // .NET names only the first; the others by their numbers on Linux.
    private static readonly (PosixSignal Signal, string Name)[] Signals =
        [(PosixSignal.SIGHUP, "SIGHUP"), ((PosixSignal)10, "SIGUSR1"), ((PosixSignal)12, "SIGUSR2")];

    private readonly Lock gate = new();
    private readonly List<Func<string>> acts = [];
    private readonly PosixSignalRegistration[] registrations;
    private ILogger? log;

    public ReloadSignal() => registrations = [.. Signals.Select(s => PosixSignalRegistration.Create(s.Signal, context =>
    {
        context.Cancel = true;
        Reload(s.Name);
    }))];

    /// <param name="act">Reads or opens something again; its answer says what, in a few words. Where it throws, what was there
    /// stays.</param>
    public void Add(Func<string> act)
    {
        lock (gate)
            acts.Add(act);
    }

    /// <summary>From here on there is a log; before, a signal is answered on standard error.</summary>
    public void LogTo(ILogger<ReloadSignal> logger)
    {
        lock (gate)
            log = logger;
    }

    /// <summary>What a signal does.</summary>
    public void Reload(string signal)
    {
        lock (gate)
        {
            if (log is null)
            {
                Console.Error.WriteLine($"overture: {signal} while starting: everything is being read just now");
                return;
            }
            var done = acts.ConvertAll(act => Try(signal, log, act));
            var what = string.Join("; ", done.Where(d => d.Length > 0));
            Reloaded(log, signal, what);
        }
    }

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }

    private static string Try(string signal, ILogger log, Func<string> act)
    {
        try
        {
            return act();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or InvalidOperationException)
        {
            NotReloaded(log, signal, e.Message);
            return "";
        }
    }

    [LoggerMessage(EventId = 34, EventName = "service.reloaded", Level = LogLevel.Information, Message = "{Signal}: {What}")]
    private static partial void Reloaded(ILogger logger, string signal, string what);

    [LoggerMessage(EventId = 35, EventName = "service.not_reloaded", Level = LogLevel.Warning,
        Message = "{Signal}: what was read before stays: {Cause}")]
    private static partial void NotReloaded(ILogger logger, string signal, string cause);
}
