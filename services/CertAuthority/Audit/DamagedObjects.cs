using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Says what was passed over because it is damaged, or another writer's: once in the log and in the audit log, and each time in the metric.
/// The rest of the list is unharmed.
/// </summary>
internal sealed class DamagedObjects(AuditLog audit, ILogger<DamagedObjects> log)
{
    private const int RememberAtMost = 10_000;
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Passed =
        Meter.CreateCounter<long>(FlowTelemetry.DamagedObjects, "{object}", "damaged objects that a listing skipped");
    private readonly ConcurrentDictionary<string, bool> said = new(StringComparer.Ordinal);

    /// <param name="found">Names the object, and says what is wrong with it.</param>
    /// <param name="certname">Whose it is; empty where that is not known.</param>
    /// <param name="cancel">Gives up waiting for the audit log.</param>
    public async Task Report(Exception found, string certname, CancellationToken cancel)
    {
        Passed.Add(1);
        await Say(found, certname, Log.DamagedObject, cancel);
    }

    /// <summary>One that a client can't do without: it is turned away.</summary>
    /// <inheritdoc cref="Report"/>
    public Task TurnedAway(Exception found, string certname, CancellationToken cancel) => Say(found, certname, Log.DamagedRecord, cancel);

    private async Task Say(Exception found, string certname, Action<ILogger, string> line, CancellationToken cancel)
    {
        if (said.Count >= RememberAtMost || !said.TryAdd(found.Message, true))
            return;
        line(log, found.Message);
        try
        {
            await audit.Write(AuditAction.ObjectDamaged, certname, Caller.Own("inventory"),
                decision: DecisionOutcome.Alarm.Because(Reason.AuditBroken, found.Message), cancel: cancel);
        }
        catch (Exception e) when (e is OperationCanceledException or FaultException)
        {
            // Said in the audit log the next time.
            said.TryRemove(found.Message, out _);
            throw;
        }
    }

}
