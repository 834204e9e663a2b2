using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Options;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Platform.Serving;

/// <summary>
/// Writes down which keys the internal PKI uses (service-keys/): this service's own and its roots', and those that peers show.
/// CertAuthority, which never meets most of them, certifies none for a node. Each record is signed (<see cref="ServiceKeyVoucher"/>); what
/// lies in its place and is not, is replaced. What could not be written is tried again.
/// </summary>
public sealed class ServiceKeys(ObjectStore store, ServiceOptions options, Ids ids, TimeProvider clock, ILogger<ServiceKeys> log)
    : PeriodicWorker(TimeSpan.FromSeconds(5), clock)
{
    private const int Most = 10_000;
    private static readonly TimeSpan Again = TimeSpan.FromHours(1);

    // One certificate a connection, looked at once.
    private readonly ConditionalWeakTable<X509Certificate2, object> seen = [];
    private readonly ConcurrentDictionary<string, long> written = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> waiting = new(StringComparer.Ordinal);
    private readonly PeerCertificates own = new(options.Tls, clock);

    /// <summary>A peer whose handshake held. Returns at once.</summary>
    public void Note(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        if (seen.TryAdd(certificate, certificate) && waiting.Count < Most)
            Look(certificate);
    }

    // A record may be overwritten or deleted meanwhile, so what was written is looked at again.
    private void Look(X509Certificate2 certificate)
    {
        var spki = $"{SpkiHash.Of(certificate)}";
        if (!written.TryGetValue(spki, out var at) || Clock.GetElapsedTime(at) >= Again)
            waiting.TryAdd(spki, PeerIdentity.Of(certificate).Name);
    }

    /// <summary>Writes what was noted since; a record that a service signed stays as it is.</summary>
    /// <exception cref="FaultException">The store is away; nothing is forgotten.</exception>
    public async Task Flush(CancellationToken cancel)
    {
        // Renewed now and then, without a restart.
        foreach (var certificate in own.Current.Roots.Prepend(own.Current.Leaf))
            Look(certificate);
        foreach (var (spki, holder) in waiting)
        {
            var key = new ServiceKey { Schema = 1, WriteId = ids.Unguessable(), SpkiSha256 = spki, Holder = holder,
                At = Clock.GetUtcNow().ToTimestamp() };
            ServiceKeyVoucher.Sign(key, own.Current.Leaf);
            if (await store.PutIfAbsent(ObjectKeys.ServiceKey(spki), key, cancel) == PutOutcome.Conflict)
                await Replace(key, cancel);
            written[spki] = Clock.GetTimestamp();
            waiting.TryRemove(spki, out _);
        }
    }

    // Of an earlier version, damaged, or put there by others.
    private async Task Replace(ServiceKey mine, CancellationToken cancel)
    {
        var key = ObjectKeys.ServiceKey(mine.SpkiSha256);
        var (version, problem) = await Standing(key, mine.SpkiSha256, cancel);
        if (problem is null || await store.PutIfMatch(key, RecordJson.Write(mine), version, cancel) != PutOutcome.Stored)
            return;
        ServiceKeysLog.Replaced(log, key, problem);
    }

    private async Task<(string Version, string? Problem)> Standing(string key, string spki, CancellationToken cancel)
    {
        try
        {
            if (await store.Get(key, cancel) is not { } found)
                return ("", null);
            try
            {
                return (found.ETag, ServiceKeyVoucher.Problem(store.Read<ServiceKey>(key, found.Body), spki, own.Current.Issuers));
            }
            catch (UnreadableObjectException e)
            {
                return (found.ETag, e.Why);
            }
        }
        catch (UnreadableObjectException tooLarge)
        {
            return (tooLarge.Version, tooLarge.Why);
        }
    }

    protected override bool AtStart => true;

    protected override Task Turn(CancellationToken cancel) => Flush(cancel);

    protected override void Failed(Exception e) => ServiceKeysLog.Waits(log, waiting.Count, e.Message);
}

internal static partial class ServiceKeysLog
{
    [LoggerMessage(EventId = 70, EventName = "tls.keys_wait", Level = LogLevel.Warning,
        Message = "{Count} keys of the internal PKI are not recorded yet, so a node could be certified for one: {Cause}")]
    public static partial void Waits(ILogger logger, int count, string cause);

    [LoggerMessage(EventId = 71, EventName = "tls.key_replaced", Level = LogLevel.Warning,
        Message = "{Key} {Problem}; this service replaced it with its own")]
    public static partial void Replaced(ILogger logger, string key, string problem);
}
