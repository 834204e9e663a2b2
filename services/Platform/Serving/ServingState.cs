using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Overture.Platform.Serving;

/// <summary>
/// Whether this replica should get requests: all of the framework's health checks, unless it is shutting down. Each change is logged once.
/// </summary>
public sealed partial class ServingState(HealthCheckService checks, Drain drain, ILogger<ServingState> log)
{
    private readonly Lock gate = new();
    private string reported = "";

    /// <summary>What the last look found; null: there was none yet.</summary>
    public bool? LastReady { get; private set; }

    /// <returns>What is wrong, in sentences without secrets; also of what does not stop it yet. "": nothing.</returns>
    public async Task<(bool Ready, string Why)> Now(CancellationToken cancel)
    {
        if (drain.Begun.IsCancellationRequested)
            return (false, "it is shutting down");
        var report = await checks.CheckHealthAsync(cancel);
        var wrong = report.Entries.Where(e => e.Value.Status != HealthStatus.Healthy).OrderBy(e => e.Value.Status)
            .ThenBy(e => e.Key, StringComparer.Ordinal).ToList();
        // The caller hung up, so its checks were cut off.
        cancel.ThrowIfCancellationRequested();
        LastReady = report.Status != HealthStatus.Unhealthy;
        // What a check threw is for the log.
        var why = string.Join("; ", wrong.Select(e => e.Value.Exception is null ? e.Value.Description
            ?? e.Key : $"the check of {e.Key} failed"));
        LogChange(report.Status, string.Join(' ', wrong.Select(e => $"{e.Key} {e.Value.Status}")), why,
            wrong.Select(e => e.Value.Exception).FirstOrDefault(e => e is not null));
        return (report.Status != HealthStatus.Unhealthy, why);
    }

    // The sentences hold what was measured just now; what is wrong is the same.
    private void LogChange(HealthStatus status, string wrong, string why, Exception? thrown)
    {
        lock (gate)
        {
            var (before, now) = (reported, $"{status} {wrong}");
            if (now == before)
                return;
            reported = now;
        }
        if (status == HealthStatus.Unhealthy)
            NotReady(log, why, thrown);
        else if (status == HealthStatus.Degraded)
            Alarm(log, why, thrown);
        else
            IsReady(log);
    }

    [LoggerMessage(EventId = 22, EventName = "health.ready", Level = LogLevel.Information, Message = "ready")]
    private static partial void IsReady(ILogger logger);

    [LoggerMessage(EventId = 23, EventName = "health.alarm", Level = LogLevel.Warning, Message = "ready, but {Why}")]
    private static partial void Alarm(ILogger logger, string why, Exception? thrown);

    [LoggerMessage(EventId = 24, EventName = "health.not_ready", Level = LogLevel.Error, Message = "not ready: {Why}")]
    private static partial void NotReady(ILogger logger, string why, Exception? thrown);
}
