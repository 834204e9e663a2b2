using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>
/// The object store of one host: a directory. File.Move is not exclusive on Linux (326 of 400 races had two winners), so:
/// put-if-absent = write a temporary file, sync, link(2) it to the key (EEXIST = lost), unlink, sync again, both syncs shared with any
/// writer that writes at the same time (docs/decisions/0006-group-commit.md); put-if-match = the same alone, under flock, then rename.
/// </summary>
public sealed class DirectoryStore : ObjectStore
{
    private const string Temporary = ".tmp";
    private readonly string root;
    private readonly TemporaryFiles temporaries;

    private DirectoryStore(string bucket, string root)
    {
        Name = "file:" + bucket;
        this.root = root;
        temporaries = new TemporaryFiles(Path.Combine(root, Temporary));
        Sync = new GroupCommit(root, TimeProvider.System);
    }

    public override string Name { get; }

    // Nothing but this host's own disk is asked.
    public override TimeSpan WriteProbePeriod => TimeSpan.FromSeconds(5);

    internal GroupCommit Sync { get; }

    /// <summary>
    /// Makes the directory (mode 0700) if need be; refuses network and FUSE file systems, whose link and flock do not hold.
    /// </summary>
    public static DirectoryStore At(string bucket, string deployment = "")
    {
        var root = Path.Combine(bucket, deployment);
        Directory.CreateDirectory(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (Libc.RemoteFileSystem(root) is { } kind)
            throw FaultException.Invalid("bucket", $"{root} lies on {kind}: links and locks are not reliable there; use a local disk");
        Directory.CreateDirectory(Path.Combine(root, Temporary));
        return new DirectoryStore(bucket, root);
    }

    public override async Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        var path = PathOf(key);
        ObjectSizes.CheckWrite(key, body.Length);
        cancel.ThrowIfCancellationRequested();
        try
        {
            // 1. The bytes, whole and on the disk, under a name that is never read.
            var won = false;
            if (!File.Exists(path))
            {
                var temporary = temporaries.Next();
                try
                {
                    using (var file = Libc.Create(temporary, body.Span))
                        await Sync.Bytes(file);
                    // 2. The key: the first to link it has won.
                    won = LinkBelowParents(temporary, path);
                }
                finally
                {
                    Libc.Remove(temporary);
                }
            }
            // 3. The name on the disk; also for the loser: it acts on what it finds, which the winner may not have made durable yet.
            await Sync.Names(path);
            return won ? PutOutcome.Stored : PutOutcome.Conflict;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(e);
        }
    }

    public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag,
        CancellationToken cancel) => OnDisk(() =>
    {
        var path = PathOf(key);
        ObjectSizes.CheckWrite(key, body.Length);
        using var held = Libc.Lock(temporaries.Lock);
        if (Libc.Read(path, ObjectSizes.MaxBytes(key)) is not { } standing || VersionOf(standing) != etag)
            return PutOutcome.Conflict;
        File.Move(WriteTemporary(body), path, overwrite: true);
        Libc.SyncDirectory(Path.GetDirectoryName(path)!);
        return PutOutcome.Stored;
    }, cancel);

    // Not a thread's hop away, as the others: what is asked for is nearly always in the page cache.
    public override Task<StoredObject?> Get(string key, CancellationToken cancel)
    {
        try
        {
            return Task.FromResult(Read(key));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Task.FromException<StoredObject?>(Unavailable(e));
        }
        catch (Exception e) when (e is FaultException or UnreadableObjectException)
        {
            return Task.FromException<StoredObject?>(e);
        }
    }

    public override FileStamp? Stamp(string key)
    {
        try
        {
            return Libc.Stamp(PathOf(key));
        }
        catch (IOException e)
        {
            throw Unavailable(e);
        }
    }

    private StoredObject? Read(string key)
    {
        if (Libc.Read(PathOf(key), ObjectSizes.MaxBytes(key)) is not { } file)
            return null;
        if (file.Body is { } body)
            return new StoredObject(body, ETagOf(body), file.Modified);
        var version = VersionOf(file);
        throw Unreadable(file.Size < 0 ? new UnreadableObjectException(key, "is no regular file") { Version = version }
            : ObjectSizes.TooLarge(key, file.Size, version));
    }

    // Also of what is not read, so that it can be replaced.
    private static string VersionOf(Libc.ReadFile file) =>
        file.Body is { } body ? ETagOf(body) : $"unread-{file.Size}-{file.Modified.UtcTicks}";

    public override Task Delete(string key, CancellationToken cancel) => OnDisk(() =>
    {
        var path = PathOf(key);
        var parent = Path.GetDirectoryName(path)!;
        using var held = Libc.Lock(temporaries.Lock);
        // Under the lock: another Delete may just have removed the empty folder.
        if (!Directory.Exists(parent))
            return false;
        File.Delete(path);
        Libc.SyncDirectory(parent);
        RemoveEmpty(parent);
        return true;
    }, cancel);

    public override Task<int> Tidy(DateTimeOffset now, CancellationToken cancel) => OnDisk(() => temporaries.Sweep(now), cancel);

    public override async IAsyncEnumerable<string> List(string prefix, string? after, [EnumeratorCancellation] CancellationToken cancel)
    {
        var folder = PathOf(prefix.TrimEnd('/'));
        // Most names have no block, and no second claim.
        var keys = Directory.Exists(folder) ? await OnDisk(() => Keys(folder, after), cancel) : [];
        foreach (var key in keys)
        {
            cancel.ThrowIfCancellationRequested();
            yield return key;
        }
    }

    private List<string> Keys(string folder, string? after)
    {
        while (Directory.Exists(folder))
        {
            try
            {
                var keys = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(f => f[(root.Length + 1)..])
                    .Where(k => after is null || string.CompareOrdinal(k, after) > 0).ToList();
                keys.Sort(StringComparer.Ordinal);
                return keys;
            }
            catch (DirectoryNotFoundException)
            {
                // A Delete removed an empty folder below at this very moment.
            }
        }
        return [];
    }

    private string WriteTemporary(ReadOnlyMemory<byte> body)
    {
        var path = temporaries.Next();
        using var file = Libc.Create(path, body.Span);
        Libc.Sync(file);
        return path;
    }

    private static bool LinkBelowParents(string temporary, string path)
    {
        while (true)
        {
            if (Libc.Link(temporary, path) is { } won)
                return won;
            if (!File.Exists(temporary))
                throw new IOException("the store's temporary file is gone: its folder was cleared");
            // The first of its folder; or a Delete found the folder empty at this very moment.
            var parent = Path.GetDirectoryName(path)!;
            if (!Libc.MakeDirectory(parent))
                MakeAll(parent);
        }
    }

    private static void MakeAll(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // A Delete removed a folder above it at this very moment; the caller tries again.
        }
    }

    // Empty folders would pile up and slow every listing.
    private void RemoveEmpty(string folder)
    {
        try
        {
            for (; folder.Length > root.Length; folder = Path.GetDirectoryName(folder)!)
                Directory.Delete(folder);
        }
        catch (IOException)
        {
            // not empty
        }
    }

    private string PathOf(string key) => Path.Combine(root, Checked(key));

    private static string ETagOf(byte[] body) => Convert.ToHexStringLower(SHA256.HashData(body).AsSpan(0, 16));

    private static Task<T> OnDisk<T>(Func<T> work, CancellationToken cancel) => Task.Run(() =>
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(e);
        }
    }, cancel);

    private static FaultException Unavailable(Exception e) => StoreFault($"the object store does not answer: {e.Message}");
}
