using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>
/// Says which names are asked for too often: a warning when it begins, one audit record a name and minute with the count, and a line in the
/// timeline of a registered one, an hour. Not one of each request: the flood would then be ours.
/// </summary>
internal sealed class LimitedNames(AuditLog audit, EventLog events, EvidenceReader evidence, TimeProvider clock, ILogger<LimitedNames> log) : BackgroundService
{
    private const int NamesAMinute = 1_000;
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
        Log.NameLimited(log, name);
    }

    /// <summary>Writes down what has been counted since the last time.</summary>
    public async Task Tell(CancellationToken cancel)
    {
        Dictionary<CertName, int> told;
        int untold;
        lock (gate)
            (told, counts, untold, others) = (counts, [], others, 0);
        foreach (var (name, count) in told)
        {
            await Audit(name.ToString(), $"{count} certificate requests within a minute were turned away: over the budget of this name, and none with its token", cancel);
            if ((await evidence.Launch(name, cancel)).Registered)
                await Line(name, count);
        }
        if (untold > 0)
            await Audit("", $"{untold} certificate requests of further names were turned away", cancel);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var minute = new PeriodicTimer(TimeSpan.FromMinutes(1), clock);
        var running = true;
        while (running)
        {
            try
            {
                running = await minute.WaitForNextTickAsync(stoppingToken);
            }
            catch (OperationCanceledException)
            {
                running = false;
            }
            await TellOrSay();
        }
    }

    private async Task TellOrSay()
    {
        try
        {
            await Tell(CancellationToken.None);
        }
        catch (FaultException e)
        {
            // The store is away; what was turned away stands in the metric.
            Log.LimitedUntold(log, e.Message);
        }
    }

    private ValueTask Audit(string name, string sentence, CancellationToken cancel) =>
        audit.Write("csr.limited", "deny", name, Caller.Own("limits"), decision: new Decision { Outcome = "refuse", Reason = Reason.RateLimited.Code(), Sentence = sentence }, cancel: cancel);

    private Task Line(CertName name, int count) =>
        events.Write(AuditLog.Service, name, $"csr-limited:{clock.GetUtcNow():yyyy-MM-ddTHH}",
            $"somebody guesses at this name: {count} certificate requests within a minute were turned away. Its own request, with its token, is not", Reason.RateLimited);
}
