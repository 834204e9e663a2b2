using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// Says which names are asked for too often: a warning when it begins; each minute an audit record of every registered one with the count,
/// and one of all others together, which strangers make up; a line in the timeline of a registered one, an hour. Not one of each request:
/// the flood would then be ours.
/// </summary>
internal sealed class LimitedNames(AuditLog audit, Timeline timeline, EnrollmentContextReader context, RefusalLines lines,
    TimeProvider clock,
    ILogger<LimitedNames> log) : PeriodicWorker(TimeSpan.FromMinutes(1), clock)
{
    private const int NamesAMinute = 1_000, MaxSamples = 20;
    private readonly Lock gate = new();
    private Dictionary<CertName, int> counts = [];
    private int others;

    /// <summary>A request under this name was turned away.</summary>
    public void Add(CertName name)
    {
        lock (gate)
        {
            if (counts.TryGetValue(name, out var count))
            {
                counts[name] = count + 1;
                return;
            }
            if (counts.Count == NamesAMinute)
            {
                others++;
                return;
            }
            counts[name] = 1;
        }
        if (lines.Allow("", "ca.limited", $"{name}"))
            Log.NameLimited(log, name);
    }

    /// <summary>Writes down what has been counted since the last time.</summary>
    public async Task WriteSummaries(CancellationToken cancel)
    {
        Dictionary<CertName, int> counted;
        int uncounted;
        lock (gate)
            (counted, counts, uncounted, others) = (counts, [], others, 0);
        try
        {
            var strangers = Limited("");
            strangers.Count = uncounted;
            foreach (var (name, count) in counted.ToList())
            {
                if ((await context.Launch(name, cancel)).Registered)
                {
                    var record = Limited($"{name}");
                    record.Count = count;
                    await Audit(
                        record,
                        $"{count} certificate requests within a minute were rejected: over the budget of this name, and none with its "
                            + "token", cancel);
                    counted.Remove(name);
                    Line(name, count);
                    continue;
                }
                strangers.Count += count;
                if (strangers.Names.Count < MaxSamples)
                    strangers.Names.Add($"{name}");
            }
            if (strangers.Count > 0)
            {
                await Audit(
                    strangers,
                    $"{strangers.Count} certificate requests within a minute were rejected: over the budgets of names that are not "
                        + "registered", cancel);
            }
        }
        catch
        {
            Return(counted, uncounted);
            throw;
        }
    }

    // What could not be written down is counted on.
    private void Return(Dictionary<CertName, int> counted, int uncounted)
    {
        lock (gate)
        {
            others += uncounted;
            foreach (var (name, count) in counted)
                counts[name] = counts.GetValueOrDefault(name) + count;
        }
    }

    protected override bool AtStop => true;

    // What is being written when the service stops is not given up: it would be counted again.
    protected override Task Turn(CancellationToken cancel) => WriteSummaries(CancellationToken.None);

    // The store is away; what was turned away is in the metric.
    protected override void Failed(Exception e) => Log.LimitedUnrecorded(log, e.Message);

    private static AuditRecord Limited(string certname) => AuditAction.RequestLimited.Record(certname, Caller.Own("limits"));

    private ValueTask Audit(AuditRecord record, string sentence, CancellationToken cancel)
    {
        record.Decision = DecisionOutcome.Refuse.Because(Reason.RateLimited, sentence);
        return audit.Write(record, cancel);
    }

    private void Line(CertName name, int count) =>
        timeline.Add(AuditLog.Service, name, $"csr-limited:{Clock.GetUtcNow():yyyy-MM-ddTHH}",
            $"possible token guessing: {count} certificate requests for this name were rejected within a minute. A request with its "
                + "token still passes", Reason.RateLimited);
}
