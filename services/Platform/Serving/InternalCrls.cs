using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Overture.Platform.Certificates;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Options;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Platform.Serving;

/// <summary>
/// Reads the lists of revoked certificates of the internal PKI (pki/crl/) every 20 s, and keeps the newest of each CA in the state
/// directory: a store that is away, emptied or rolled back takes nothing back. What no CA of ours signed is passed over.
/// </summary>
public sealed class InternalCrls(ObjectStore store, PeerCertificates trust, RevokedPeers revoked, ServiceOptions options,
    TimeProvider clock, ILogger<InternalCrls> log) : PeriodicWorker(TimeSpan.FromSeconds(5), clock)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(20), Patience = TimeSpan.FromSeconds(3);
    private readonly SemaphoreSlim oneAtATime = new(1, 1);
    private readonly TaskCompletionSource known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<string> refused = new(StringComparer.Ordinal);
    private readonly Dictionary<SpkiHash, InternalCrl> newest = [];
    private long? looked;

    /// <summary>CAs whose lists count.</summary>
    public IReadOnlyList<X509Certificate2> Cas => trust.Current.Issuers;

    /// <summary>Waits until lists were read once, from the store or the state directory: 3 s at most.</summary>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: they were not.</exception>
    public async ValueTask Known(CancellationToken cancel)
    {
        if (known.Task.IsCompleted)
            return;
        try
        {
            await known.Task.WaitAsync(Patience, Clock, cancel);
        }
        catch (TimeoutException)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable,
                "whether the client certificate was revoked is not known here, because the object store does not answer; try again");
        }
    }

    /// <summary>The newest list of each CA, read now.</summary>
    /// <exception cref="FaultException">The store is away.</exception>
    public async Task<IReadOnlyList<InternalCrl>> Look(CancellationToken cancel)
    {
        await oneAtATime.WaitAsync(cancel);
        try
        {
            foreach (var ca in Cas.DistinctBy(SpkiHash.Of))
            {
                var issuer = SpkiHash.Of(ca);
                if (await Newest(ca, issuer, cancel) is not { } list)
                    continue;
                Keep(list);
                Save(list);
            }
            looked = Clock.GetTimestamp();
            known.TrySetResult();
            return [.. newest.Values];
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    public override void Dispose()
    {
        oneAtATime.Dispose();
        base.Dispose();
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var ca in Cas.DistinctBy(SpkiHash.Of))
            Load(ca);
        return base.StartAsync(cancellationToken);
    }

    protected override bool AtStart => true;

    protected override Task Turn(CancellationToken cancel) =>
        looked is { } at && Clock.GetElapsedTime(at) < Every ? Task.CompletedTask : Look(cancel);

    protected override void Failed(Exception e) => InternalCrlsLog.Unread(log, e.Message);

    private string Folder => Path.Combine(options.StateDirectory, "internal-crl");

    // Above the one that is known: an older one counts no more, whatever it says.
    private async Task<InternalCrl?> Newest(X509Certificate2 ca, SpkiHash issuer, CancellationToken cancel)
    {
        var prefix = ObjectKeys.InternalCrlsOf($"{issuer}");
        var after = newest.TryGetValue(issuer, out var last) ? ObjectKeys.InternalCrl($"{issuer}", last.Number) : null;
        var keys = new List<string>();
        await foreach (var key in store.List(prefix, after, cancel))
            keys.Add(key);
        for (var i = keys.Count - 1; i >= 0; i--)
        {
            if (await Read(keys[i], keys[i][prefix.Length..], ca, cancel) is { } list)
                return list;
        }
        return null;
    }

    private async Task<InternalCrl?> Read(string key, string name, X509Certificate2 ca, CancellationToken cancel)
    {
        string? rule;
        try
        {
            if (await store.Get(key, cancel) is not { } found)
                return null;
            // An older list under a higher number would hide the newest one.
            if (InternalCrl.Read(Utf8Text.Read(found.Body), [ca], out rule) is { } list)
            {
                if (list.Number.ToString("D20", CultureInfo.InvariantCulture) == name)
                    return list;
                rule = $"is list {list.Number} of its CA";
            }
        }
        catch (Exception e) when (e is UnreadableObjectException or NotUtf8Exception)
        {
            rule = e.Message;
        }
        if (refused.Count < 1_000 && refused.Add(key))
            InternalCrlsLog.Foreign(log, key, rule ?? "");
        return null;
    }

    private void Keep(InternalCrl list)
    {
        newest[list.Issuer] = list;
        revoked.Take(list.Entries.Select(e => e.Serial));
        InternalCrlsLog.Taken(log, list.Number, list.Entries.Count);
    }

    private void Load(X509Certificate2 ca)
    {
        var file = Path.Combine(Folder, $"{SpkiHash.Of(ca)}.pem");
        try
        {
            if (!File.Exists(file))
                return;
            if (InternalCrl.Read(File.ReadAllText(file), [ca], out var rule) is { } list)
            {
                Keep(list);
                known.TrySetResult();
            }
            else
            {
                InternalCrlsLog.Foreign(log, file, rule ?? "");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            InternalCrlsLog.Unread(log, e.Message);
        }
    }

    // It counts already; without the file it is only forgotten if the store is away or rolled back when this service starts again.
    private void Save(InternalCrl list)
    {
        try
        {
            PrivateFile.MakeDirectory(Folder);
            PrivateFile.Write(Path.Combine(Folder, $"{list.Issuer}.pem"), list.Pem);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            InternalCrlsLog.Unsaved(log, list.Number, e.Message);
        }
    }
}

internal static partial class InternalCrlsLog
{
    [LoggerMessage(EventId = 75, EventName = "tls.revoked", Level = LogLevel.Information,
        Message = "list {Number} of the internal PKI counts from now on: {Count} certificates are revoked")]
    public static partial void Taken(ILogger logger, long number, int count);

    [LoggerMessage(EventId = 76, EventName = "tls.foreign_crl", Level = LogLevel.Warning,
        Message = "{Key} is not taken for a list of the internal PKI's revoked certificates: it {Problem}")]
    public static partial void Foreign(ILogger logger, string key, string problem);

    [LoggerMessage(EventId = 77, EventName = "tls.crl_unread", Level = LogLevel.Warning,
        Message = "which certificates of the internal PKI were revoked can't be read now; what was read before counts: {Cause}")]
    public static partial void Unread(ILogger logger, string cause);

    [LoggerMessage(EventId = 78, EventName = "tls.crl_unsaved", Level = LogLevel.Warning,
        Message = "list {Number} of the internal PKI counts, but is not kept in the state directory: {Cause}")]
    public static partial void Unsaved(ILogger logger, long number, string cause);
}
