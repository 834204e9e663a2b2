using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;

namespace Overture.Platform.Serving;

/// <summary>
/// systemd, where it started this process: it hears when the listeners are open (Type=notify), when the stop begins, and at half of
/// WatchdogSec that the timers of this process still run. Elsewhere nothing.
/// </summary>
public static class ServiceManager
{
    private const string Socket = "NOTIFY_SOCKET", Limit = "WATCHDOG_USEC", Whose = "WATCHDOG_PID";

    // Not AddSystemd: that looks for the name of the parent in /proc, which ProtectProc=invisible hides, and changes the format of logs.
    public static void AddServiceManager(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Socket)))
            return;
        builder.Services.AddSingleton<ISystemdNotifier, SystemdNotifier>().AddSingleton<IHostLifetime, SystemdLifetime>();
        if (Watchdog(Environment.GetEnvironmentVariable) is { } interval)
            builder.Services.AddHostedService(p => new SignOfLife(p.GetRequiredService<ISystemdNotifier>(), interval, TimeProvider.System));
    }

    /// <summary>How often a sign of life is due; null: none is asked of this process.</summary>
    internal static TimeSpan? Watchdog(Func<string, string?> environment)
    {
        if (environment(Whose) is { Length: > 0 } whose && whose != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            return null;
        return long.TryParse(environment(Limit), NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 1
            ? TimeSpan.FromMicroseconds(limit / 2) : null;
    }

    private sealed class SignOfLife(ISystemdNotifier systemd, TimeSpan interval, TimeProvider clock) : PeriodicWorker(interval, clock)
    {
        protected override bool AtStart => true;

        protected override Task Turn(CancellationToken cancel)
        {
            systemd.Notify(new ServiceState("WATCHDOG=1"));
            return Task.CompletedTask;
        }
    }
}
