using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>
/// The object store of one host: a directory. File.Move is not exclusive on Linux (326 of 400 races had two winners), so:
/// put-if-absent = write a temporary file, sync, renameat2(2) it to the key without replacing (EEXIST = lost), sync again, both syncs
/// shared with any writer that writes at the same time (docs/decisions/0006-group-commit.md); put-if-match = the same alone, under flock,
/// then rename.
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

    public override async Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel) =>
        await PutInOrder([new NewObject(key, body)], cancel) == 1 ? PutOutcome.Stored : PutOutcome.Conflict;

    public override async Task<int> PutInOrder(IReadOnlyList<NewObject> objects, CancellationToken cancel)
    {
        var paths = objects.Select(o => PathOf(o.Key)).ToList();
        foreach (var each in objects)
            ObjectSizes.CheckWrite(each.Key, each.Body.Length);
        cancel.ThrowIfCancellationRequested();
        try
        {
            // 1. The bytes, whole and on the disk, under names that are never read.
            var (temporary, stored) = (new List<string>(), 0);
            try
            {
                await WriteAll(objects, paths, temporary);
                // 2. The keys, in their order: the first to move its file there has won it.
                while (stored < temporary.Count && MoveBelowParents(temporary[stored], paths[stored]))
                    stored++;
            }
            finally
            {
                temporary.Skip(stored).ToList().ForEach(Libc.Remove);
            }
            // 3. The names on the disk; also for a loser: it acts on what it finds, which the winner may not have made durable yet.
            await Sync.Names([.. paths.Take(stored + 1)]);
            return stored;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(e);
        }
    }

    // The bytes were on the disk before there was a name.
    public override async Task MakeDurable(IReadOnlyList<string> keys, CancellationToken cancel)
    {
        try
        {
            await Sync.Names([.. keys.Select(PathOf)]);
        }
        catch (IOException e)
        {
            throw Unavailable(e);
        }
    }

    // Up to the first whose key is there already.
    private async Task WriteAll(IReadOnlyList<NewObject> objects, List<string> paths, List<string> temporary)
    {
        var files = new List<SafeFileHandle>();
        try
        {
            for (var i = 0; i < objects.Count && Libc.Stamp(paths[i]) is null; i++)
            {
                temporary.Add(temporaries.Next());
                files.Add(Libc.Create(temporary[i], objects[i].Body.Span));
            }
            if (files.Count > 0)
                await Sync.Bytes(files);
        }
        finally
        {
            files.ForEach(f => f.Dispose());
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
        var keys = Stamp(prefix.TrimEnd('/')) is null ? [] : await OnDisk(() => Keys(folder, after), cancel);
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

    private static bool MoveBelowParents(string temporary, string path)
    {
        while (true)
        {
            if (Libc.MoveIfAbsent(temporary, path) is { } won)
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
