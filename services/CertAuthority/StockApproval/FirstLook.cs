using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.StockApproval;

/// <summary>
/// ca/stock-baseline: what puppetserver's own CA had signed without a claim before CertAuthority first looked, which no alarm of its own is
/// for. It is said with names, since a stranger may be among them; it is sealed, since adding to it would hide strangers; and
/// where puppetserver's configuration signs strangers at that moment, nothing is taken in.
/// </summary>
internal sealed class FirstLook(
    ObjectStore store, RecordMac seal, AutosignWatch autosign, AuditLog audit, Ids ids, TimeProvider clock, ILogger<FirstLook> log)
{
    private const int Sample = 20;
    private static readonly Caller By = Caller.Own("stock-approver");
    private bool said;

    /// <param name="unclaimed">What is signed and has no claim now.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Fingerprints of what is not to be reported one by one.</returns>
    public async Task<HashSet<string>> Baseline(IReadOnlyList<StockSigned> unclaimed, CancellationToken cancel)
    {
        // 1. As it was written once.
        if (await Standing(cancel) is { } standing)
            return standing;
        // 2. The first look: reported before it is written, so that it never exists unreported.
        var known = autosign.Standing.Count == 0 ? unclaimed : [];
        if (!said && unclaimed.Count > 0)
            await Say(unclaimed, known, cancel);
        said = true;
        await audit.Ensure(cancel);
        // 3. Of several replicas one writes it.
        var mine = new StockBaseline
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Fingerprints = { known.Select(s => s.Fingerprint) },
            Certnames = { known.Select(s => s.Name) },
            At = clock.GetUtcNow().ToTimestamp(),
        };
        seal.Put(mine);
        return await store.PutIfAbsent(ObjectKeys.StockBaseline, mine, cancel) == PutOutcome.Stored
            ? [.. mine.Fingerprints]
            : await Standing(cancel) ?? [];
    }

    // Null: there is none. One that this CA has not written, or that was changed, hides nothing.
    private async Task<HashSet<string>?> Standing(CancellationToken cancel)
    {
        string problem;
        try
        {
            if (await store.Get<StockBaseline>(ObjectKeys.StockBaseline, cancel) is not { } standing)
                return null;
            if (seal.Holds(standing))
                return [.. standing.Fingerprints];
            problem = "was not written by this CA, or was changed";
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            problem = "is damaged";
        }
        StockLog.ForeignBaseline(log, ObjectKeys.StockBaseline, problem);
        await audit.Write(AuditAction.StockBaselineRefused, "", By,
            decision: Alarm($"{ObjectKeys.StockBaseline} {problem}: every certificate without a claim is reported"), cancel: cancel);
        return [];
    }

    private async Task Say(IReadOnlyList<StockSigned> unclaimed, IReadOnlyList<StockSigned> known, CancellationToken cancel)
    {
        var names = string.Join(", ", unclaimed.Take(Sample).Select(s => PrintableText.Of(s.Name)))
            + (unclaimed.Count > Sample ? ", ..." : "");
        var findings = string.Join("; ", autosign.Standing);
        if (known.Count > 0)
            StockLog.StockBaseline(log, unclaimed.Count, names);
        else
            StockLog.StockNoBaseline(log, unclaimed.Count, names, findings);
        var action = known.Count > 0 ? AuditAction.StockBaseline : AuditAction.StockBaseline with { Outcome = AuditOutcome.Error };
        var follows = known.Count > 0
            ? "no alarm is raised for each"
            : "each is reported, because puppetserver's configuration signs strangers";
        var record = action.Record("", By,
            decision: Alarm($"{unclaimed.Count} certificates without a claim before CertAuthority first looked; {follows}"));
        record.Names.Add(unclaimed.Take(Sample).Select(s => AskedName.Escaped(s.Name)));
        await audit.Write(record, cancel);
    }

    private static Decision Alarm(string sentence) => DecisionOutcome.Alarm.Because(Reason.StockUnclaimed, sentence);
}
