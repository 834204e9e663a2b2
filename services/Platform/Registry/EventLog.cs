using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// Timelines, for people: idempotent lines by event key (HSETNX), and a word on the change feed for each new one.
/// Best effort: what matters stands in the object store, so an outage is logged and passed over.
/// </summary>
public sealed class EventLog(RegistryConnection registry, RegistryKeys keys, TimeProvider clock, ILogger<EventLog> log)
{
    private const string WriteAndAnnounce = """
        if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then
          redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*', 'certname', ARGV[3], 'what', ARGV[1])
        end
        """;

    /// <param name="service">Who says it: "conductor", "certauthority", "classifier".</param>
    /// <param name="name">A registered name; never one a stranger made up (it would fill Redis).</param>
    /// <param name="key">Idempotency key, e.g. "signed" or "csr-refused:TOKEN_MISMATCH".</param>
    /// <param name="detail">One sentence for people.</param>
    /// <param name="reason">Why it went wrong; <see cref="Reason.None"/> when it did not.</param>
    /// <param name="proof">Object key that proves it, or empty.</param>
    /// <param name="at">When it happened; null: now.</param>
    public async Task Write(string service, CertName name, string key, string detail, Reason reason = Reason.None, string proof = "", DateTimeOffset? at = null)
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
        try
        {
            // One way there and back for both.
            await registry.Run(db => db.ScriptEvaluateAsync(WriteAndAnnounce, [keys.Timeline(name), keys.Changes], [key, RecordJson.WriteText(line), name.ToString()]));
        }
        catch (FaultException)
        {
            RegistryLog.Skipped(log, key);
        }
    }

    /// <summary>A word on the change feed: this instance has news. Best effort.</summary>
    public async Task Announce(CertName name, string what)
    {
        try
        {
            await registry.Run(db => db.ExecuteAsync("XADD", keys.Changes, "MAXLEN", "~", "10000", "*", "certname", name.ToString(), "what", what));
        }
        catch (FaultException)
        {
            RegistryLog.Skipped(log, what);
        }
    }

    /// <summary>Oldest first; empty when Redis has none (any more).</summary>
    public async Task<IReadOnlyList<TimelineEvent>> Read(CertName name)
    {
        var lines = await registry.Run(db => db.HashGetAllAsync(keys.Timeline(name)));
        return lines.Select(l => Parse((string)l.Value!)).OfType<TimelineEvent>().OrderBy(e => e.At.ToDateTimeOffset()).ToList();
    }

    // A line of some other version, or of somebody who can write to Redis: not worth an error.
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
    public Task Expire(CertName name) => registry.Run(db => db.KeyExpireAsync(keys.Timeline(name), TimeSpan.FromDays(1)));
}
