using Overture.CertAuthority.StockCa;
using Overture.Platform.Records;

namespace Overture.CertAuthority.StockApproval;

/// <summary>
/// What is remembered of requests that wait at puppetserver, so that each is judged when there is a reason to and not every five seconds
/// (each judgement is an audit record). Only what waits now is remembered. Pure: values and times in, values out.
/// </summary>
internal sealed class StockQueue
{
    /// <summary>puppetserver stores a request and then asks overture-autosign, which has 2 s: until then the request is its business. Both
    /// signing at once would make two certificates, of which 7.9.5 can revoke one.</summary>
    internal static readonly TimeSpan LeaveToHook = TimeSpan.FromSeconds(3);

    /// <summary>Judged again after this, in case of a change that was not reported.</summary>
    internal static readonly TimeSpan Settled = TimeSpan.FromMinutes(10);

    internal const int Most = 10_000;
    private readonly Dictionary<CertName, Entry> entries = [];

    /// <summary>How many are remembered; for tests of the bound.</summary>
    public int Count => entries.Count;

    /// <summary>Those of the waiting requests to look at now; forgets whatever waits no more.</summary>
    public IReadOnlyList<StockRequest> Due(IReadOnlyList<StockRequest> waiting, DateTimeOffset now)
    {
        var here = waiting.DistinctBy(w => w.Name).ToDictionary(w => w.Name);
        foreach (var gone in entries.Where(e => !here.TryGetValue(e.Key, out var w) || w.Fingerprint != e.Value.Fingerprint)
            .Select(e => e.Key).ToList())
        {
            entries.Remove(gone);
        }
        foreach (var request in here.Values.Take(Most))
        {
            if (entries.Count < Most)
                entries.TryAdd(request.Name, new Entry(request.Fingerprint, now));
        }
        return [.. here.Values.Where(w => entries.TryGetValue(w.Name, out var e) && IsDue(e, now))];
    }

    /// <summary>How long it has been seen to wait.</summary>
    public TimeSpan Waited(CertName name, DateTimeOffset now) => entries.TryGetValue(name, out var e) ? now - e.FirstSeen : TimeSpan.Zero;

    /// <summary>It was judged and not signed.</summary>
    /// <param name="registered">Otherwise its registration would change the answer.</param>
    public void Leave(CertName name, bool registered, DateTimeOffset now)
    {
        if (entries.TryGetValue(name, out var e))
            entries[name] = e with { LeftAt = now, Registered = registered };
    }

    /// <summary>Names left because they were not registered.</summary>
    public IReadOnlyList<CertName> Unregistered =>
        [.. entries.Where(e => e.Value is { LeftAt: not null, Registered: false }).Select(e => e.Key)];

    /// <summary>Something changed for this name: judge it again.</summary>
    public void Reopen(CertName name)
    {
        if (entries.TryGetValue(name, out var e))
            entries[name] = e with { LeftAt = null };
    }

    /// <summary>puppetserver was away: who waited how long is not known any more.</summary>
    public void Forget() => entries.Clear();

    /// <summary>When the next one comes of age; null: none is too young.</summary>
    public TimeSpan? Youngest(DateTimeOffset now) =>
        entries.Values.Where(e => e.LeftAt is null && now - e.FirstSeen < LeaveToHook)
            .Select(e => (TimeSpan?)(LeaveToHook - (now - e.FirstSeen))).Min();

    private static bool IsDue(Entry e, DateTimeOffset now) =>
        now - e.FirstSeen >= LeaveToHook && (e.LeftAt is not { } left || now - left >= Settled);

    private sealed record Entry(string Fingerprint, DateTimeOffset FirstSeen, DateTimeOffset? LeftAt = null, bool Registered = false);
}
