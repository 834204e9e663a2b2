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
/// directory: a store that is away, emptied or rolled back takes nothing back. What no CA of ours signed is passed over, and so is a list
/// that lacks entries of the last one.
/// </summary>
public sealed class InternalCrls(ObjectStore store, PeerCertificates trust, RevokedPeers revoked, ServiceOptions options,
    TimeProvider clock, ILogger<InternalCrls> log) : PeriodicWorker(TimeSpan.FromSeconds(5), clock)
{
    private const int MaxReads = 100, MaxRefused = 10_000, Digits = 20;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(20), Patience = TimeSpan.FromSeconds(3), Fresh = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim oneAtATime = new(1, 1);
    private readonly TaskCompletionSource known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    // Keys of what is no list, with the version that was read.
    private readonly Dictionary<string, string> refused = new(StringComparer.Ordinal);
    private readonly Dictionary<SpkiHash, InternalCrl> newest = [];
    private volatile IReadOnlyList<InternalCrl> current = [];
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

    /// <summary>The newest list of each CA, read within the last second.</summary>
    /// <exception cref="FaultException">The store is away.</exception>
    public async Task<IReadOnlyList<InternalCrl>> Recent(CancellationToken cancel)
    {
        if (IsFresh)
            return current;
        await oneAtATime.WaitAsync(cancel);
        try
        {
            // Of many that wait one reads, for all.
            return IsFresh ? current : await LookAlone(cancel);
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    /// <summary>The newest list of each CA, read now.</summary>
    /// <exception cref="FaultException">The store is away.</exception>
    public async Task<IReadOnlyList<InternalCrl>> Look(CancellationToken cancel)
    {
        await oneAtATime.WaitAsync(cancel);
        try
        {
            return await LookAlone(cancel);
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

    private bool IsFresh => looked is { } at && Clock.GetElapsedTime(at) < Fresh;

    private async Task<IReadOnlyList<InternalCrl>> LookAlone(CancellationToken cancel)
    {
        var whole = true;
        foreach (var ca in Cas.DistinctBy(SpkiHash.Of))
            whole &= await Take(ca, SpkiHash.Of(ca), cancel);
        current = [.. newest.Values];
        // Else the next turn goes on, past what was refused in this one.
        if (whole)
        {
            looked = Clock.GetTimestamp();
            known.TrySetResult();
        }
        return current;
    }

    // Above the one that is known: an older one counts no more, whatever it says. False: there is more than is read at once.
    private async Task<bool> Take(X509Certificate2 ca, SpkiHash issuer, CancellationToken cancel)
    {
        // 1. the next one, which is published even where something else lay in its place; so what was refused there is looked at again
        var number = newest.GetValueOrDefault(issuer)?.Number ?? 0;
        var next = ObjectKeys.InternalCrl($"{issuer}", number + 1);
        if (await Read(next, ca, cancel) is { } following)
            Count(following);
        // 2. the newest of the others
        var (keys, left) = await Others(issuer, next, cancel);
        for (var i = keys.Count - 1; i >= 0; i--)
        {
            if (await Read(keys[i], ca, cancel) is { } list)
            {
                Count(list);
                return true;
            }
        }
        return !left;
    }

    private async Task<(IReadOnlyList<string> Keys, bool Left)> Others(SpkiHash issuer, string after, CancellationToken cancel)
    {
        var prefix = ObjectKeys.InternalCrlsOf($"{issuer}");
        var (keys, left) = (new Queue<string>(), false);
        await foreach (var key in store.List(prefix, after, cancel))
        {
            var name = key.AsSpan(prefix.Length);
            if (name.Length != Digits || name.ContainsAnyExceptInRange('0', '9') || refused.ContainsKey(key))
                continue;
            keys.Enqueue(key);
            if (keys.Count > MaxReads)
            {
                keys.Dequeue();
                left = true;
            }
        }
        return ([.. keys], left);
    }

    private async Task<InternalCrl?> Read(string key, X509Certificate2 ca, CancellationToken cancel)
    {
        string rule;
        var etag = "";
        try
        {
            var (same, found) = await store.GetUnless(key, refused.GetValueOrDefault(key, ""), cancel);
            if (same || found is null)
                return null;
            etag = found.ETag;
            if (InternalCrl.Read(Utf8Text.Read(found.Body), [ca], out var broken) is not { } list)
                rule = broken!;
            // An older list under a higher number would hide the newest one.
            else if (!key.EndsWith("/" + list.Number.ToString("D20", CultureInfo.InvariantCulture), StringComparison.Ordinal))
                rule = $"is list {list.Number} of its CA";
            else if (newest.TryGetValue(list.Issuer, out var last) && !list.HoldsAllOf(last))
                return Refuse(key, etag, () => InternalCrlsLog.TakesBack(log, key, last.Number));
            else
                return list;
        }
        catch (Exception e) when (e is UnreadableObjectException or NotUtf8Exception)
        {
            rule = e.Message;
        }
        return Refuse(key, etag, () => InternalCrlsLog.Foreign(log, key, rule));
    }

    private InternalCrl? Refuse(string key, string etag, Action say)
    {
        if (!refused.TryGetValue(key, out var before) || before != etag)
            say();
        if (refused.Count < MaxRefused || before is not null)
            refused[key] = etag;
        return null;
    }

    private void Count(InternalCrl list)
    {
        Keep(list);
        Save(list);
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
    [LoggerMessage(EventId = 79, EventName = "tls.crl_takes_back", Level = LogLevel.Error,
        Message = "{Key} does not count: it lacks entries of list {Last} of its CA, and a revocation is not taken back. Next: find out who "
            + "signed it, and publish a list that holds all (overture pki revoke)")]
    public static partial void TakesBack(ILogger logger, string key, long last);

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
