using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;

namespace Overture.Platform.Objects;

/// <summary>What a conditional write came to.</summary>
public enum PutOutcome
{
    Stored,
    /// <summary>Another writer was first (put-if-absent), or the version is another one (put-if-match).</summary>
    Conflict,
}

/// <summary>An object as read: its bytes and its version.</summary>
public sealed record StoredObject(byte[] Body, string ETag, DateTimeOffset LastModified);

/// <summary>An object to be put where there is none.</summary>
public sealed record NewObject(string Key, ReadOnlyMemory<byte> Body);

/// <summary>The answer to a read of what is known in some version.</summary>
/// <param name="Unchanged">It still is that version.</param>
/// <param name="Found">The object, where it is another; null: there is none (any more).</param>
public sealed record ConditionalGet(bool Unchanged, StoredObject? Found);

/// <summary>What a store says of itself, beside its promises.</summary>
/// <param name="Public">Anyone may list it or read its objects, without a key.</param>
/// <param name="Versioning">"enabled", "suspended" or "off"; "unknown": it does not say, or not to us.</param>
public sealed record StoreSettings(bool Public, string Versioning);

/// <summary>
/// Durable truth. What a method acknowledged survives a power cut. Keys are '/'-separated segments of [A-Za-z0-9._-].
/// An outage is a <see cref="FaultException"/> (StoreUnavailable), after which a write may or may not have happened.
/// </summary>
public abstract partial class ObjectStore
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Counter<long> UnreadableCount = Meter.CreateCounter<long>(FlowTelemetry.UnreadableObjects, "{object}",
        "objects that were asked for and could not be read");
    private readonly ParsedRecords parsed = new();

    /// <summary>An object was asked for that can't be read.</summary>
    public event Action<UnreadableObjectException>? UnreadableFound;

    /// <summary>A replacement was refused as a conflict, and the object still is the version that it named.</summary>
    public event Action? CurrentRefused;

    /// <summary>The store as users name it: "file:/absolute/path" or "s3://bucket".</summary>
    public abstract string Name { get; }

    /// <summary>
    /// How far the store's own clock is ahead of this host's, by its last answer; null: it has none of its own, or has not said.
    /// </summary>
    public virtual TimeSpan? ClockAhead => null;

    /// <summary>Exactly one of any number of racing writers gets <see cref="PutOutcome.Stored"/>.</summary>
    public abstract Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel);

    /// <summary>
    /// <see cref="PutIfAbsent(string, ReadOnlyMemory{byte}, CancellationToken)"/> of each in this order, up to the first that is there
    /// already: none lies in the store without those before it. Where the store can, they wait for the disk together.
    /// </summary>
    /// <returns>How many were stored.</returns>
    public virtual async Task<int> PutInOrder(IReadOnlyList<NewObject> objects, CancellationToken cancel)
    {
        var stored = 0;
        while (stored < objects.Count && await PutIfAbsent(objects[stored].Key, objects[stored].Body, cancel) == PutOutcome.Stored)
            stored++;
        return stored;
    }

    /// <summary>
    /// Returns when what can be read under these keys survives a power cut: an object can be read a moment before its writer has made it
    /// durable. A caller that hands out what it read asks first.
    /// </summary>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: it may not.</exception>
    public virtual Task MakeDurable(IReadOnlyList<string> keys, CancellationToken cancel) => Task.CompletedTask;

    /// <summary>Replaces the version <paramref name="etag"/>; a missing object is a conflict.</summary>
    public abstract Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel);

    /// <returns>Null: there is none.</returns>
    /// <exception cref="UnreadableObjectException">It is larger than any of its kind; none of it was read.</exception>
    public abstract Task<StoredObject?> Get(string key, CancellationToken cancel);

    /// <summary>Reads the object unless it is still the version <paramref name="etag"/>; empty: whatever it is.</summary>
    public virtual async Task<ConditionalGet> GetUnless(string key, string etag, CancellationToken cancel) =>
        await Get(key, cancel) is { } found ? new(found.ETag == etag, found) : new(false, null);

    /// <summary>Tells, for less than a read costs, that an object is still the one that was read; null: only a read can.</summary>
    /// <exception cref="FaultException">It does not answer.</exception>
    public virtual FileStamp? Stamp(string key) => null;

    /// <summary>
    /// Keys that begin with <paramref name="prefix"/> (which ends with '/'), after <paramref name="after"/>, in ordinal order.
    /// </summary>
    public abstract IAsyncEnumerable<string> List(string prefix, string? after, CancellationToken cancel);

    /// <summary>Removes the object; no error when there is none.</summary>
    public abstract Task Delete(string key, CancellationToken cancel);

    public Task<PutOutcome> PutIfAbsent(string key, IMessage record, CancellationToken cancel) =>
        PutIfAbsent(key, parsed.Write(record), cancel);

    /// <inheritdoc cref="PutInOrder(IReadOnlyList{NewObject}, CancellationToken)"/>
    public Task<int> PutRecordsInOrder(IEnumerable<(string Key, IMessage Record)> records, CancellationToken cancel) =>
        PutInOrder([.. records.Select(r => new NewObject(r.Key, parsed.Write(r.Record)))], cancel);

    /// <exception cref="UnreadableObjectException">It is no such record, or too large.</exception>
    public async Task<T?> Get<T>(string key, CancellationToken cancel) where T : class, IMessage, new() =>
        await Get(key, cancel) is { } found ? Read<T>(key, found.Body) : null;

    /// <summary>The record that these bytes of an object are.</summary>
    /// <exception cref="UnreadableObjectException">They are none.</exception>
    public T Read<T>(string key, byte[] body) where T : class, IMessage, new()
    {
        T record;
        try
        {
            record = parsed.Read<T>(body);
        }
        catch (InvalidDataException e)
        {
            throw Unreadable(new UnreadableObjectException(key, body.Length == 0
                ? "is empty" : $"is damaged: {PrintableText.Of(e.Message)}", e));
        }
        return RecordRules.Problem(key, record) is { } problem ? throw Unreadable(new UnreadableObjectException(key, problem)) : record;
    }

    /// <summary>Adds zero to the counter of each kind of object.</summary>
    internal static void CountUnreadableFromZero()
    {
        foreach (var kind in ObjectKeys.Kinds)
            UnreadableCount.Add(0, new KeyValuePair<string, object?>("kind", kind));
    }

    /// <summary>Counts it and says so, to be thrown: every reader that finds an object unreadable comes here.</summary>
    public UnreadableObjectException Unreadable(UnreadableObjectException found)
    {
        UnreadableCount.Add(1, new KeyValuePair<string, object?>("kind",
            found.Key[..Math.Max(0, found.Key.IndexOf('/', StringComparison.Ordinal))]));
        UnreadableFound?.Invoke(found);
        return found;
    }

    /// <summary>What a store within this one finds unreadable or refuses is said here too.</summary>
    protected void Relay(ObjectStore inner)
    {
        inner.UnreadableFound += found => UnreadableFound?.Invoke(found);
        inner.CurrentRefused += OnCurrentRefused;
    }

    protected void OnCurrentRefused() => CurrentRefused?.Invoke();

    /// <summary>How often it is tried whether the store takes writes.</summary>
    public virtual TimeSpan WriteProbePeriod => TimeSpan.FromMinutes(1);

    /// <summary>Removes what killed writers left behind.</summary>
    /// <returns>How many.</returns>
    public virtual Task<int> Tidy(DateTimeOffset now, CancellationToken cancel) => Task.FromResult(0);

    /// <summary>
    /// The same store by each address of its name, for <see cref="StoreProbe"/> to race across them: clients that it may set up as it
    /// tries things, and disposes; the store itself where nothing can be set up.
    /// </summary>
    public virtual Task<IReadOnlyList<ObjectStore>> Doors(CancellationToken cancel) => Task.FromResult<IReadOnlyList<ObjectStore>>([this]);

    /// <summary>The one address that its requests go to, where it is one of <see cref="Doors"/>; null: any.</summary>
    public virtual string? Address => null;

    /// <summary>
    /// The addresses that requests may go to now, in order: one that was not there at the last probe is unproved. Empty: the store has
    /// none of its own, or more than can be looked at (AWS).
    /// </summary>
    public virtual Task<IReadOnlyList<string>> Addresses(CancellationToken cancel) => Task.FromResult<IReadOnlyList<string>>([]);

    /// <summary>How versions are sent in conditional replacements. Null, whatever is set: the store compares them itself.</summary>
    public virtual ETagForm? ETagForm { get => null; set { } }

    /// <summary>An outage: the whole message is for the log and for administrators.</summary>
    protected static FaultException StoreFault(string message) =>
        new(FaultKind.Unavailable, Reason.StoreUnavailable,
            message) { PublicMessage = "the object store does not answer; nothing is lost, try again" };

    /// <summary>Whether any key begins with <paramref name="prefix"/>.</summary>
    public async Task<bool> Any(string prefix, CancellationToken cancel)
    {
        await foreach (var _ in List(prefix, null, cancel))
            return true;
        return false;
    }

    /// <summary>Whether <see cref="ReadUrl"/> can make URLs.</summary>
    public virtual bool GivesUrls => false;

    /// <summary>A URL by which anyone who has it reads the object, and nothing else: a bearer secret. No request is made.</summary>
    /// <param name="key">Need not exist yet.</param>
    /// <param name="life">1 s to 6 d; shorter where the store's own credentials end sooner.</param>
    /// <returns>Null: the store can't.</returns>
    public virtual Uri? ReadUrl(string key, TimeSpan life) => null;

    /// <param name="sample">An object that exists, to be read without a key.</param>
    /// <param name="cancel">Gives up.</param>
    public virtual Task<StoreSettings> Settings(string sample, CancellationToken cancel) =>
        Task.FromResult(new StoreSettings(false, "off"));

    /// <summary>Opens the store of this name. <see cref="StoreProbe"/> then proves that it keeps its promises.</summary>
    /// <param name="name">"file:PATH" (a relative path counts from the working directory) or "s3://BUCKET[/PREFIX]".</param>
    /// <param name="deployment">Prefix of every key; empty: none.</param>
    /// <param name="s3">How an s3: bucket is reached.</param>
    /// <param name="clock">Ours, which the store's is compared with; null: this host's.</param>
    public static ObjectStore Open(string name, string deployment, S3Options? s3 = null, TimeProvider? clock = null)
    {
        if (NameProblem(name) is { } problem)
            throw FaultException.Invalid("bucket", problem);
        return name.StartsWith("s3:", StringComparison.Ordinal)
            ? S3Store.At(name, deployment, s3 ?? new S3Options(), clock: clock)
            : DirectoryStore.At(Path.GetFullPath(name["file:".Length..]), deployment);
    }

    /// <summary>The rule that the name of a store breaks, or null.</summary>
    public static string? NameProblem(string name) =>
        name.StartsWith("file:", StringComparison.Ordinal) || BucketName().IsMatch(name) ? null
            : "must be file:PATH, s3://BUCKET or s3://BUCKET/PREFIX (a bucket of 3-63 of [a-z0-9.-], a prefix of segments of "
                + "[A-Za-z0-9._-])";

    /// <summary>The key, if it keeps to the grammar.</summary>
    protected static string Checked(string key)
    {
        foreach (var segment in key.Split('/'))
        {
            if (segment.Length is 0 or > 200 || segment[0] == '.' || segment.AsSpan().ContainsAnyExcept(KeyCharacters))
                throw FaultException.Invalid("key", "segments must be 1-200 of [A-Za-z0-9._-] and not begin with a dot");
        }
        return key;
    }

    private static readonly SearchValues<char> KeyCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    [GeneratedRegex(@"\As3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199})*\z", RegexOptions.CultureInvariant)]
    private static partial Regex BucketName();
}
