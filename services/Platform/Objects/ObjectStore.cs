using Google.Protobuf;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>What a conditional write came to.</summary>
public enum PutOutcome
{
    Stored,
    /// <summary>Somebody else was first (put-if-absent), or the version is another one (put-if-match).</summary>
    Conflict,
}

/// <summary>An object as read: its bytes and its version.</summary>
public sealed record StoredObject(byte[] Body, string ETag, DateTimeOffset LastModified);

/// <summary>
/// Durable truth. What a method acknowledged survives a power cut. Keys are '/'-separated segments of [A-Za-z0-9._-].
/// An outage is a <see cref="Faults.FaultException"/> (StoreUnavailable), after which a write may or may not have happened.
/// </summary>
public abstract class ObjectStore
{
    private readonly ParsedRecords parsed = new();

    /// <summary>The store as users name it: "file:/absolute/path", later "s3://bucket".</summary>
    public abstract string Name { get; }

    /// <summary>Exactly one of any number of racing writers is told <see cref="PutOutcome.Stored"/>.</summary>
    public abstract Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel);

    /// <summary>Replaces the version <paramref name="etag"/>; a missing object is a conflict.</summary>
    public abstract Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel);

    public abstract Task<StoredObject?> Get(string key, CancellationToken cancel);

    /// <summary>Keys that begin with <paramref name="prefix"/> (which ends with '/'), after <paramref name="after"/>, in ordinal order.</summary>
    public abstract IAsyncEnumerable<string> List(string prefix, string? after, CancellationToken cancel);

    /// <summary>Removes the object; no error when there is none.</summary>
    public abstract Task Delete(string key, CancellationToken cancel);

    public Task<PutOutcome> PutIfAbsent(string key, IMessage record, CancellationToken cancel) =>
        PutIfAbsent(key, parsed.Write(record), cancel);

    public async Task<T?> Get<T>(string key, CancellationToken cancel) where T : class, IMessage, new() =>
        await Get(key, cancel) is { } found ? parsed.Read<T>(found.Body) : null;

    /// <summary>Whether any key begins with <paramref name="prefix"/>.</summary>
    public async Task<bool> Any(string prefix, CancellationToken cancel)
    {
        await foreach (var _ in List(prefix, null, cancel))
            return true;
        return false;
    }

    /// <summary>Opens the store of this name. <see cref="StoreProbe"/> then proves that it keeps its promises.</summary>
    /// <param name="name">"file:PATH"; a relative path counts from the working directory.</param>
    /// <param name="deployment">Prefix of every key; empty: none.</param>
    public static ObjectStore Open(string name, string deployment) =>
        name.StartsWith("file:", StringComparison.Ordinal)
            ? DirectoryStore.At(Path.GetFullPath(name["file:".Length..]), deployment)
            : throw Faults.FaultException.Invalid("bucket", "must be file:PATH");
}
