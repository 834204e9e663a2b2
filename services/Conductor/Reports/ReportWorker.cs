using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Serving;

namespace Overture.Conductor.Reports;

/// <summary>
/// Works the spool off, one report after the other. A store that is away is waited for; a report that makes no sense is dropped.
/// </summary>
internal sealed class ReportWorker(ReportSpool spool, ProcessReport process, RefusalLines lines, TimeProvider clock,
    ILogger<ReportWorker> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var report in spool.Waiting.ReadAllAsync(stoppingToken))
            {
                while (!await Done(report, stoppingToken))
                    await Task.Delay(Pause, clock, stoppingToken);
                spool.Done(report);
            }
        }
        catch (OperationCanceledException)
        {
            // stopping: what is left is found at the next start
        }
    }

    private async Task<bool> Done(SpooledReport taken, CancellationToken cancel)
    {
        try
        {
            ReportSummary report;
            await using (var body = File.OpenRead(taken.File))
                report = ReportReader.Read(body);
            await process.Run(report, ReportSpool.CameAt(taken), cancel);
            return true;
        }
        catch (FaultException e) when (e.Kind == FaultKind.Unavailable)
        {
            Log.ReportsWait(log, e.Message);
            return false;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A background loop: one report must not stop those behind it.
            ReportMetrics.Processed(null);
            var cause = e is InvalidDataException or UnreadableObjectException ? e.Message : e.GetType().Name;
            if (lines.Allow("", "reports.invalid", cause))
                Log.ReportInvalid(log, cause);
            return true;
        }
    }
}
