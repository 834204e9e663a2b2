using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockCa;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Records.V1;

namespace Overture.CertAuthority.StockApproval;

/// <summary>
/// Where puppetserver's configuration can be read from here: what of it would sign strangers, each reported once for as long as it is so.
/// </summary>
internal sealed class AutosignWatch(StockCaOptions options, AuditLog audit, ILogger<AutosignWatch> log)
{
    private HashSet<string> reported = new(StringComparer.Ordinal);

    /// <summary>What the last look found; while puppetserver's signing rules can't be read, that is a finding too.</summary>
    public IReadOnlyCollection<string> Standing => reported;

    public async Task Run(CancellationToken cancel)
    {
        if (options.ConfDirectory.Length == 0)
            return;
        var found = Findings().ToHashSet(StringComparer.Ordinal);
        foreach (var finding in found.Except(reported).ToList())
        {
            StockLog.StockAutosign(log, finding);
            AlarmMetrics.Count(AlarmKind.StockAutosign);
            var decision = DecisionOutcome.Alarm.Because(Reason.StockAutosign, finding);
            await audit.Write(AuditAction.StockAutosign, "", Caller.Own("stock-approver"), decision: decision, cancel: cancel);
        }
        reported = found;
    }

    private IReadOnlyList<string> Findings()
    {
        try
        {
            return AutosignSetting.Findings(options.ConfDirectory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [$"{e.Message}: its signing rules can't be read. Let this service read {options.ConfDirectory}"];
        }
    }
}
