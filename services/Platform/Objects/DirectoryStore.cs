using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>
/// The object store of one host: a directory. File.Move is not exclusive on Linux (326 of 400 races had two winners), so:
/// put-if-absent = write and fsync a temporary file, link(2) it to the key (EEXIST = lost), unlink, fsync the directory;
/// put-if-match = the same under flock, then rename.
/// </summary>
public sealed class DirectoryStore : ObjectStore
{
    private const string Temporary = ".tmp";
    private readonly string root;

    private DirectoryStore(string bucket, string root)
    {
        Name = "file:" + bucket;
        this.root = root;
    }

    public override string Name { get; }

    /// <summary>Makes the directory (mode 0700) if need be; refuses network and FUSE file systems, whose link and flock do not hold.</summary>
    public static DirectoryStore At(string bucket, string deployment = "")
    {
        var root = Path.Combine(bucket, deployment);
        Directory.CreateDirectory(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (Libc.RemoteFileSystem(root) is { } kind)
            throw FaultException.Invalid("bucket", $"{root} lies on {kind}: links and locks do not hold there; use a local disk");
        Directory.CreateDirectory(Path.Combine(root, Temporary));
        return new DirectoryStore(bucket, root);
    }

    public override Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel) => OnDisk(() =>
    {
        var path = PathOf(key);
        var temporary = WriteTemporary(body);
        try
        {
            var won = LinkBelowParents(temporary, path);
            // Also for the loser: it acts on what it finds, which the winner may not have made durable yet.
            SyncParent(path);
            return won ? PutOutcome.Stored : PutOutcome.Conflict;
        }
        finally
        {
            File.Delete(temporary);
        }
    }, cancel);

    public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel) => OnDisk(() =>
    {
        var path = PathOf(key);
        using var held = Libc.Lock(Path.Combine(root, Temporary, "lock"));
        if (!File.Exists(path) || ETagOf(File.ReadAllBytes(path)) != etag)
            return PutOutcome.Conflict;
        File.Move(WriteTemporary(body), path, overwrite: true);
        Libc.SyncDirectory(Path.GetDirectoryName(path)!);
        return PutOutcome.Stored;
    }, cancel);

    public override Task<StoredObject?> Get(string key, CancellationToken cancel) => OnDisk(() =>
    {
        var path = PathOf(key);
        try
        {
            var body = File.ReadAllBytes(path);
            return new StoredObject(body, ETagOf(body), File.GetLastWriteTimeUtc(path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return (StoredObject?)null;
        }
    }, cancel);

    public override Task Delete(string key, CancellationToken cancel) => OnDisk(() =>
    {
        var path = PathOf(key);
        var parent = Path.GetDirectoryName(path)!;
        using var held = Libc.Lock(Path.Combine(root, Temporary, "lock"));
        // Under the lock: another Delete may just have removed the empty folder.
        if (!Directory.Exists(parent))
            return false;
        File.Delete(path);
        Libc.SyncDirectory(parent);
        RemoveEmpty(parent);
        return true;
    }, cancel);

    public override async IAsyncEnumerable<string> List(string prefix, string? after, [EnumeratorCancellation] CancellationToken cancel)
    {
        var folder = PathOf(prefix.TrimEnd('/'));
        var keys = await OnDisk(() => Directory.Exists(folder) ? Keys(folder) : [], cancel);
        foreach (var key in keys)
        {
            cancel.ThrowIfCancellationRequested();
            if (after is null || string.CompareOrdinal(key, after) > 0)
                yield return key;
        }
    }

    private List<string> Keys(string folder)
    {
        while (Directory.Exists(folder))
        {
            try
            {
                var keys = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(f => f[(root.Length + 1)..]).ToList();
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
        var path = Path.Combine(root, Temporary, Path.GetRandomFileName());
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.None, body.Length);
        RandomAccess.Write(file, body.Span, 0);
        RandomAccess.FlushToDisk(file);
        return path;
    }

    private static bool LinkBelowParents(string temporary, string path)
    {
        while (true)
        {
            MakeParents(path);
            try
            {
                return Libc.Link(temporary, path);
            }
            catch (DirectoryNotFoundException)
            {
                // A Delete found the folder empty at this very moment.
            }
        }
    }

    private static void SyncParent(string path)
    {
        try
        {
            Libc.SyncDirectory(Path.GetDirectoryName(path)!);
        }
        catch (DirectoryNotFoundException)
        {
            // Deleted again meanwhile, folder and all.
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

    // A new folder is itself an entry that must survive: fsync its parent, from the deepest that exists downwards.
    private static void MakeParents(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        if (Directory.Exists(folder))
            return;
        MakeParents(folder);
        Directory.CreateDirectory(folder);
        SyncParent(folder);
    }

    private string PathOf(string key)
    {
        foreach (var segment in key.Split('/'))
        {
            if (segment.Length is 0 or > 200 || segment[0] == '.' || segment.AsSpan().ContainsAnyExcept(KeyCharacters))
                throw FaultException.Invalid("key", "segments must be 1-200 of [A-Za-z0-9._-] and not begin with a dot");
        }
        return Path.Combine(root, key);
    }

    private static readonly System.Buffers.SearchValues<char> KeyCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    private static string ETagOf(byte[] body) => Convert.ToHexStringLower(SHA256.HashData(body).AsSpan(0, 16));

    private static Task<T> OnDisk<T>(Func<T> work, CancellationToken cancel) => Task.Run(() =>
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, $"the object store does not answer: {e.Message}");
        }
    }, cancel);
}
