using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// Timelines, for people: idempotent lines by event key (HSETNX), and a message on the change feed for each new one.
/// Best effort: what matters is in the object store, so no caller waits for a line (<see cref="TimelineWriter"/>), and an outage is logged
/// and passed over. What this process wrote it reads back.
/// </summary>
public sealed class Timeline(RegistryConnection registry, RegistryKeys keys, TimeProvider clock, ILogger<Timeline> log)
{
    private const int AtOnce = 500;
    private readonly TimelineWriter lines = new(registry, keys, log);

    /// <param name="service">Who says it: "conductor", "certauthority", "classifier".</param>
    /// <param name="name">A registered name; never one a stranger made up (it would fill Redis).</param>
    /// <param name="key">Idempotency key, e.g. "signed" or "csr-refused:TOKEN_MISMATCH".</param>
    /// <param name="detail">One sentence for people.</param>
    /// <param name="reason">Why it went wrong; <see cref="Reason.None"/> when it did not.</param>
    /// <param name="proof">Object key that proves it, or empty.</param>
    /// <param name="at">When it happened; null: now.</param>
    public void Add(string service, CertName name, string key, string detail, Reason reason = Reason.None, string proof = "",
        DateTimeOffset? at = null)
    {
        var line = new TimelineEvent
        {
            Key = key,
            At = (at ?? clock.GetUtcNow()).ToTimestamp(),
            Service = service,
            Detail = detail,
            Reason = reason.Code(),
            Object = proof,
            TraceId = Activity.Current?.TraceId.ToString() ?? "",
            SpanId = Activity.Current?.SpanId.ToString() ?? "",
        };
        lines.Add(new TimelineLine(name, key, line));
    }

    /// <summary>A message on the change feed: this instance has news. Best effort.</summary>
    public void Announce(CertName name, string what) => lines.Add(new TimelineLine(name, what, null));

    /// <summary>Waits until what was written before is in Redis, or given up.</summary>
    public Task Flushed() => lines.Flushed();

    /// <summary>Oldest first; empty when Redis has none (any more).</summary>
    public async Task<IReadOnlyList<TimelineEvent>> Read(CertName name)
    {
        await lines.Flushed();
        var found = await registry.Run(db => db.HashGetAllAsync(keys.Timeline(name)));
        return found.Select(l => Parse((string)l.Value!)).OfType<TimelineEvent>().OrderBy(e => e.At.ToDateTimeOffset()).ToList();
    }

    /// <summary>Some lines of many instances, in few calls; of each instance those that there are, in the order asked for.</summary>
    /// <param name="names">Whose.</param>
    /// <param name="wanted">By their keys.</param>
    public async Task<IReadOnlyList<(CertName Name, IReadOnlyList<TimelineEvent> Lines)>> Read(
        IReadOnlyCollection<CertName> names, params string[] wanted)
    {
        if (names.Count == 0)
            return [];
        await lines.Flushed();
        var fields = wanted.Select(w => (RedisValue)w).ToArray();
        var found = new List<(CertName, IReadOnlyList<TimelineEvent>)>(names.Count);
        foreach (var some in names.Chunk(AtOnce))
        {
            var read = await registry.Run(db => Task.WhenAll(some.Select(n => db.HashGetAsync(keys.Timeline(n), fields))));
            found.AddRange(some.Zip(read, (name, values) => (name, (IReadOnlyList<TimelineEvent>)
                [.. values.Where(v => v.HasValue).Select(v => Parse((string)v!)).OfType<TimelineEvent>()])));
        }
        return found;
    }

    // A line of some other version, or of another client that can write to Redis: not worth an error.
    private static TimelineEvent? Parse(string line)
    {
        try
        {
            return RecordJson.Read<TimelineEvent>(line) is { At: not null } read ? read : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Lets the timeline go a day after the instance's end.</summary>
    public async Task Expire(CertName name)
    {
        await lines.Flushed();
        await registry.Run(db => db.KeyExpireAsync(keys.Timeline(name), TimeSpan.FromDays(1)));
    }
}
