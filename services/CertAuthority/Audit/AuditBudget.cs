using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Serving;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Between what came of requests and the audit log: strangers cause refusals as fast as they can send, and must not fill the store. Within
/// the budget each has a record of its own; the rest is counted, by address and cause, and has one record a minute and cause. Requests
/// under registered names, which strangers can't make up, have a budget of their own, counted by name: so a flood hides no node's refusal.
/// </summary>
internal sealed class AuditBudget(AuditLog audit, CertAuthorityOptions options, TimeProvider clock, ILogger<AuditBudget> log)
    : PeriodicWorker(TimeSpan.FromMinutes(1), clock)
{
    private const int MaxSources = 20, MaxNames = 20, MaxOfRegistered = 50;
    private readonly WriteBudget strangers = new(Shares(options), clock), registered = new(Shares(options), clock);

    /// <param name="record">csr.refused, csr.held, csr.repeated…: what came of one request, with its decision.</param>
    /// <param name="isRegistered">Its certname is one that the Conductor knows.</param>
    /// <param name="cancel">Gives up waiting for the audit log.</param>
    public ValueTask Write(AuditRecord record, bool isRegistered, CancellationToken cancel)
    {
        var kind = string.Join(' ', record.Action, record.Outcome, record.Decision?.Reason ?? "");
        var within = isRegistered
            ? registered.Take(record.Certname, kind, record.Peer)
            : strangers.Take(SourceOf(record.Peer), kind, record.Certname.Length > 0 ? record.Certname : record.AskedName);
        return within ? audit.Write(record, cancel) : ValueTask.CompletedTask;
    }

    /// <summary>A request that was turned away before anything was decided: always counted, never a record of its own.</summary>
    /// <param name="action">Which limit turned it away.</param>
    /// <param name="peer">Where it came from.</param>
    /// <param name="sample">What it was.</param>
    public void Count(AuditAction action, string peer, string sample) =>
        strangers.Count(SourceOf(peer), string.Join(' ', action.Name, action.OutcomeText, Reason.RateLimited.Code()), sample);

    /// <summary>Writes what was counted since the last time.</summary>
    public async Task WriteSummaries(CancellationToken cancel)
    {
        var counted = strangers.Drain(WriteBudget.MaxTallies).GroupBy(c => c.Kind, StringComparer.Ordinal).Select(g => g.ToList()).ToList();
        await Each(strangers, counted, Together, cancel);
        await Each(registered, [.. registered.Drain(MaxOfRegistered).Select(c => new List<Counted> { c })], OfName, cancel);
    }

    protected override bool AtStop => true;

    // What is being written when the service stops is not given up: it would be counted again.
    protected override Task Turn(CancellationToken cancel) => WriteSummaries(CancellationToken.None);

    // The store is away. Nothing is lost: the next minute's record has it too.
    protected override void Failed(Exception e) => Log.LimitedUnrecorded(log, e.Message);

    // What can't be written is counted on.
    private async Task Each(
        WriteBudget budget, List<List<Counted>> counted, Func<List<Counted>, AuditRecord> record, CancellationToken cancel)
    {
        for (var i = 0; i < counted.Count; i++)
        {
            try
            {
                await audit.Write(record(counted[i]), cancel);
            }
            catch (Exception)
            {
                budget.Return(counted.Skip(i).SelectMany(c => c));
                throw;
            }
        }
    }

    private static AuditRecord Together(List<Counted> ofOneKind)
    {
        var count = ofOneKind.Sum(c => c.Count);
        var known = ofOneKind.Where(c => c.Source.Length > 0).OrderByDescending(c => c.Count).ToList();
        var record = Blank(
            ofOneKind[0].Kind, count,
            $"{count} more requests within a minute, from {(ofOneKind.Count > known.Count ? "more than " : "")}{known.Count} addresses: "
                + "counted, and recorded together");
        record.Sources.Add(known.Take(MaxSources).Select(c => new AuditSource { Address = c.Source, Count = c.Count }));
        if (count - record.Sources.Sum(s => s.Count) is > 0 and var further)
            record.Sources.Add(new AuditSource { Count = further });
        record.Names.Add(Spread(ofOneKind).Where(n => n.Length > 0).Distinct(StringComparer.Ordinal).Take(MaxNames));
        record.Peer = known.Count == 1 && ofOneKind.Count == 1 ? known[0].Source : "";
        return record;
    }

    private static AuditRecord OfName(List<Counted> one)
    {
        var record = Blank(
            one[0].Kind, one[0].Count,
            $"{one[0].Count} more requests within a "
                + $"minute{(one[0].Source.Length > 0 ? " under this name" : ", under further registered names")}: counted, and recorded "
                + "together");
        record.Certname = one[0].Source;
        record.Sources.Add(one[0].Samples.Where(s => s.Length > 0).Select(s => new AuditSource { Address = s }));
        return record;
    }

    private static AuditRecord Blank(string kind, long count, string sentence) => kind.Split(' ') is [var action, var outcome, var reason]
        ? new() { Action = action, Outcome = outcome, Actor = Caller.Own("limits").Actor, Count = count,
            Decision = new Decision
            {
                Outcome = (outcome == AuditAction.RequestRefused.OutcomeText ? DecisionOutcome.Refuse : DecisionOutcome.Sign).Text(),
                Reason = reason, Sentence = sentence,
            } }
        : throw new ArgumentException("is no kind of this class", nameof(kind));

    // Of each address's samples the first, then of each the second: a single one must not fill the sample.
    private static IEnumerable<string> Spread(List<Counted> counted) =>
        counted.SelectMany(c => c.Samples.Select((sample, place) => (sample, place))).OrderBy(s => s.place).Select(s => s.sample);

    // An IPv6 client's own network is one source.
    private static string SourceOf(string peer) => System.Net.IPAddress.TryParse(peer, out var address) ? AddressText.Of(address) : peer;

    private static WriteShares Shares(CertAuthorityOptions options) =>
        new(options.Audit.RefusalsPerMinute, options.Audit.RefusalsPerMinute / 2, options.Audit.RefusalsPerMinute / 6, Samples: 10);
}
