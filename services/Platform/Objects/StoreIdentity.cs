using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Platform.Objects;

/// <summary>
/// Which store this is: an id that the first service wrote into it, and that each service keeps in its state directory from its first start
/// on. A disk that is not mounted, an emptied directory, another or a recreated bucket answers as well as any: it just holds nothing, no
/// revocation either. Reads and writes through <see cref="IdentifiedStore"/> happen only while the id is the one that was kept. For the
/// same reason an empty store gets an id only from a service that may found one and has not worked before.
/// </summary>
public sealed partial class StoreIdentity(
    ObjectStore store, string stateDirectory, StoreFounding founding, Ids ids, TimeProvider clock, ILogger<StoreIdentity> log)
        : IHostedService, IDisposable
{
    /// <summary>The file in the state directory.</summary>
    public const string FileName = "store.id";

    /// <summary>
    /// What a person writes into the file where the store is replaced on purpose: the one that is there is taken, also an empty one.
    /// </summary>
    public const string Accept = "new";

    // Prefixes of what a deployment that has worked holds; profiles and definitions may be put into a new store beforehand.
    private static readonly string[] Records = [ObjectKeys.Launches, ObjectKeys.Facts, "ca/", ObjectKeys.AuditStreams];

    // A look costs a bucket one request, a directory a system call; a bucket does not vanish below a mount point either.
    private readonly TimeSpan goodFor = store.Name.StartsWith("file:", StringComparison.Ordinal) ? TimeSpan.Zero : TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim learning = new(1, 1);
    private string? own;
    private byte[]? confirmed;
    private volatile FileStamp? stamp;
    private long looked;
    private volatile string? wrong;
    private bool waited;

    /// <summary>The store itself, for callers that need no such promise.</summary>
    public ObjectStore Store => store;

    /// <summary>The store has no id yet, and this service may not give it one: nothing is read or written until another has.</summary>
    public bool Waits => own is null && wrong is not null && !founding.Allowed;

    /// <summary>Passes where the store is the one that this service has worked with.</summary>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: it is another, or its id is gone; or it does not answer.</exception>
    public async ValueTask Demand(CancellationToken cancel)
    {
        if (goodFor > TimeSpan.Zero && wrong is null && Volatile.Read(ref looked) is var last and not 0
            && (clock.GetElapsedTime(last) < goodFor || Interlocked.CompareExchange(ref looked, clock.GetTimestamp(), last) != last))
        {
            // Checked a moment ago; or another thread checks now.
            return;
        }
        // An enrollment asks 30 times; the id was read, and its file is the same.
        if (stamp is { } read && wrong is null && store.Stamp(ObjectKeys.StoreId) == read)
            return;
        if (await Wrong(cancel) is not null)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable,
                Waits ? wrong!
                    : $"the object store {store.Name} is not the one that this service has worked with; nothing is read from it or "
                        + "written to it")
            {
                PublicMessage = Waits ? "the object store has no id yet; try again"
                    : "the object store is not the one that this service has worked with; nothing is lost, try again",
            };
        }
    }

    /// <summary>Looks at the store's id now; learns it where none was kept.</summary>
    /// <returns>What is wrong, with the next step; null: it is the store that was kept.</returns>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: it does not answer.</exception>
    public async Task<string?> Wrong(CancellationToken cancel)
    {
        var (kept, none) = own is { } learned ? (learned, null) : await Learn(cancel);
        if (kept is null)
        {
            ReportChange(none);
            return none;
        }
        // Before the bytes: what is written in between is read again.
        var now = store.Stamp(ObjectKeys.StoreId);
        var body = await Stored(cancel);
        var same = body is not null && (confirmed is { } known && known.AsSpan().SequenceEqual(body) || IdIn(body) == kept);
        if (same)
            (confirmed, looked, stamp) = (body, clock.GetTimestamp(), now);
        ReportChange(same ? null
            : $"the object store {store.Name} {(body is null ? $"has no {ObjectKeys.StoreId}" : $"has another {ObjectKeys.StoreId}")} "
                + $"than {KeptFile} says ({kept}): its disk is not mounted, or it is another, emptied or restored "
            + $"store. Next: bring the store back; {OnPurpose}");
        return wrong;
    }

    /// <summary>
    /// Before anything else of the service starts. One that waits for the id starts all the same, so that its health can say so.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (await Wrong(cancellationToken) is { } another && !Waits)
            throw new FaultException(FaultKind.Precondition, Reason.StoreUnavailable, another);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        learning.Dispose();
        (store as IDisposable)?.Dispose();
    }

    private string KeptFile => Path.Combine(stateDirectory, FileName);

    private string OnPurpose =>
        $"if it was replaced on purpose, stop the service, write the word {Accept} into {KeptFile} and start it (docs/operations.md, "
            + "Another store)";

    // The id, kept from now on; or why there is none.
    private async Task<(string? Id, string? Why)> Learn(CancellationToken cancel)
    {
        await learning.WaitAsync(cancel);
        try
        {
            if (own is not null)
                return (own, null);
            // 1. Kept by an earlier run?
            var kept = File.Exists(KeptFile) ? (await File.ReadAllTextAsync(KeptFile, cancel)).Trim() : "";
            if (kept.Length > 0 && kept != Accept)
                return (own = kept, null);
            // 2. The id that is there, or a new one; of several services that start at once, the first one's.
            if (await Stored(cancel) is null)
            {
                if (await WhyNotFounded(kept == Accept, cancel) is { } why)
                    return (null, why);
                var mine = new StoreId { Schema = 1, WriteId = ids.Unguessable(), Id = ids.Unguessable(),
                    At = clock.GetUtcNow().ToTimestamp() };
                await store.PutIfAbsent(ObjectKeys.StoreId, mine, cancel);
            }
            var standing = await Stored(cancel);
            var id = standing is null ? null : IdIn(standing);
            if (id is null)
            {
                throw new FaultException(FaultKind.Precondition, Reason.StoreUnavailable,
                    $"{ObjectKeys.StoreId} in the object store {store.Name} is damaged; put it back from a backup, or remove it and "
                        + $"every service's {FileName}");
            }
            // 3. Keep it; from now on no other will do.
            Keep(id);
            return (own = id, null);
        }
        finally
        {
            learning.Release();
        }
    }

    // A store that holds records and no id is one of a version that had none.
    private async Task<string?> WhyNotFounded(bool accepted, CancellationToken cancel)
    {
        if (!founding.Allowed)
        {
            return $"the object store {store.Name} has no {ObjectKeys.StoreId} yet; CertAuthority or the Conductor writes it at its "
                + "start. Next: "
                + "start one of them; if they run, this service looks at another store, or its disk is not mounted";
        }
        if (accepted || founding.Sign() is not { } sign)
            return null;
        foreach (var prefix in Records)
        {
            if (await store.Any(prefix, cancel))
                return null;
        }
        return $"the object store {store.Name} is empty (no {ObjectKeys.StoreId}, no records), but {sign} shows that this service has "
            + "worked "
            + $"before: its disk is not mounted, or it is another or emptied store. Next: bring the store back; {OnPurpose}";
    }

    private void Keep(string id)
    {
        try
        {
            PrivateFile.MakeDirectory(stateDirectory);
            PrivateFile.Write(KeptFile, id + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Precondition, Reason.StoreUnavailable,
                $"{KeptFile} can't be written, and without it another store would not be noticed: {e.Message}. Next: give the service's "
                    + "user a stateDirectory that it may write");
        }
    }

    // What can't be read is no id of ours.
    private async Task<byte[]?> Stored(CancellationToken cancel)
    {
        try
        {
            return (await store.Get(ObjectKeys.StoreId, cancel))?.Body;
        }
        catch (UnreadableObjectException)
        {
            return [];
        }
    }

    private static string? IdIn(byte[] body)
    {
        try
        {
            return RecordJson.Read<StoreId>(body).Id is { Length: > 0 } id ? id : null;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }

    private void ReportChange(string? now)
    {
        var before = wrong;
        wrong = now;
        if (now is not null && before is null && Waits)
        {
            waited = true;
            Waiting(log, now);
        }
        else if (now is not null && before is null)
        {
            Another(log, now);
        }
        else if (now is null && before is not null && waited)
        {
            waited = false;
            Identified(log, store.Name);
        }
        else if (now is null && before is not null)
        {
            Back(log, store.Name);
        }
    }

    [LoggerMessage(EventId = 25, EventName = "store.another", Level = LogLevel.Critical, Message = "not ready: {What}")]
    private static partial void Another(ILogger logger, string what);

    [LoggerMessage(EventId = 26, EventName = "store.back", Level = LogLevel.Warning,
        Message = "the object store {Store} is again the one that this service has worked with")]
    private static partial void Back(ILogger logger, string store);

    [LoggerMessage(EventId = 29, EventName = "store.waits", Level = LogLevel.Warning, Message = "not ready: {What}")]
    private static partial void Waiting(ILogger logger, string what);

    [LoggerMessage(EventId = 31, EventName = "store.identified", Level = LogLevel.Information,
        Message = "the object store {Store} has its id now")]
    private static partial void Identified(ILogger logger, string store);
}
