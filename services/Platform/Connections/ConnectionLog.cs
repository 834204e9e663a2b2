using System.Diagnostics.Metrics;
using System.Net;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Overture.Platform.Telemetry;

namespace Overture.Platform.Connections;

/// <summary>
/// Why a connection came to no request, or to no further one. Labels of the metric and words of the log; docs/telemetry.md lists them.
/// </summary>
public static class ConnectionCause
{
    // its number
    public const string PerAddress = "per-address", Unfinished = "unfinished", Full = "full", GaveWay = "gave-way";

    // its handshake, by the certificate that the client showed
    public const string NoCertificate = "no-certificate", Expired = "expired", NotYetValid = "not-yet-valid", WrongCa = "wrong-ca",
        Revoked = "revoked";

    // its handshake, otherwise
    public const string RefusedByClient = "refused-by-client", Protocol = "protocol", Timeout = "timeout", Closed = "closed",
        Failed = "failed";
}

/// <summary>
/// Connections that were turned away before our own code saw a request: a line at once for the first of a listener, cause and address
/// within a minute, and at the minute's end how many more there were. A flood is at most 30 lines a minute and cause, and 21 at its end.
/// </summary>
public sealed partial class ConnectionLog(TimeProvider clock, ILogger<ConnectionLog> log) : IDisposable
{
    private const int MaxLines = 30, MaxRemembered = 10_000, MaxTold = 20;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> Refused = Meter.CreateCounter<long>(FlowTelemetry.ConnectionsRefused, "{connection}",
        "connections that ended without a request");

    private readonly Lock gate = new();
    private Dictionary<(string Listener, string Cause, string Address), int> seen = [];
    private Dictionary<string, int> lines = [];
    private int beyond;
    private ITimer? windowEnd;

    /// <param name="listener">Its name.</param>
    /// <param name="cause">Of <see cref="ConnectionCause"/>.</param>
    /// <param name="peer">Whose connection.</param>
    /// <param name="detail">A sentence for people; no secret.</param>
    public void Note(string listener, string cause, IPAddress? peer, string detail)
    {
        Refused.Add(1, new("listener", listener), new KeyValuePair<string, object?>("cause", cause));
        var address = peer is null ? "-" : $"{(peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer)}";
        lock (gate)
        {
            windowEnd ??= clock.CreateTimer(static self => ((ConnectionLog)self!).WriteSummaries(), this, Window, Timeout.InfiniteTimeSpan);
            if (seen.Count >= MaxRemembered && !seen.ContainsKey((listener, cause, address)))
            {
                beyond++;
                return;
            }
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(seen, (listener, cause, address), out _);
            count++;
            // One cause's flood must not hide another's first.
            if (count > 1 || ++CollectionsMarshal.GetValueRefOrAddDefault(lines, cause, out _) > MaxLines)
                return;
        }
        if (cause == ConnectionCause.Closed)
            Ended(log, listener, address, cause, detail);
        else
            TurnedAway(log, listener, address, cause, detail);
    }

    public void Dispose() => windowEnd?.Dispose();

    private void WriteSummaries()
    {
        List<KeyValuePair<(string Listener, string Cause, string Address), int>> repeated;
        int others;
        lock (gate)
        {
            windowEnd?.Dispose();
            windowEnd = null;
            repeated = [.. seen.Where(s => s.Value > 1).OrderByDescending(s => s.Value)];
            others = beyond + repeated.Skip(MaxTold).Sum(s => s.Value);
            (seen, lines, beyond) = ([], [], 0);
        }
        foreach (var (of, count) in repeated.Take(MaxTold))
            Repeated(log, of.Listener, of.Address, of.Cause, count);
        if (others > 0)
            More(log, others);
    }

    [LoggerMessage(EventId = 40, EventName = "connection.refused", Level = LogLevel.Warning,
        Message = "a connection from {Address} to {Listener} was refused ({Cause}): {Detail}")]
    private static partial void TurnedAway(ILogger logger, string listener, string address, string cause, string detail);

    [LoggerMessage(EventId = 41, EventName = "connection.ended", Level = LogLevel.Information,
        Message = "a connection from {Address} to {Listener} ended without a request ({Cause}): {Detail}")]
    private static partial void Ended(ILogger logger, string listener, string address, string cause, string detail);

    [LoggerMessage(EventId = 42, EventName = "connection.refused_often", Level = LogLevel.Warning,
        Message = "within a minute, {Count} connections from {Address} to {Listener} were refused ({Cause})")]
    private static partial void Repeated(ILogger logger, string listener, string address, string cause, int count);

    [LoggerMessage(EventId = 43, EventName = "connection.refused_elsewhere", Level = LogLevel.Warning,
        Message = "within a minute, {Count} further connections, from addresses that are not listed, were refused")]
    private static partial void More(ILogger logger, int count);
}
