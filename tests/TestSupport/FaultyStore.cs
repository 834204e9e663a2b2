using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.TestSupport;

/// <summary>A store whose writes can be made to fail: the n-th from now on, before it happens or after (the answer is lost).</summary>
public sealed class FaultyStore(ObjectStore inner) : ObjectStore
{
    // What a service writes by itself: a test does not know when it comes, so an armed failure passes it by.
    private static readonly string[] OfItsOwn =
        [ObjectKeys.EventLog, ObjectKeys.EventCheckpoints, ObjectKeys.InstanceSnapshots, ObjectKeys.Fence("")];
    private readonly Lock gate = new();
    private int failAt = -1;
    private bool afterwards;
    private bool downForReads;

    public override string Name => inner.Name;

    public override bool GivesUrls => inner.GivesUrls;

    public override ETagForm? ETagForm { get => inner.ETagForm; set => inner.ETagForm = value; }

    public override Task<IReadOnlyList<string>> Addresses(CancellationToken cancel) => inner.Addresses(cancel);

    public override async Task<IReadOnlyList<ObjectStore>> Doors(CancellationToken cancel)
    {
        var doors = await inner.Doors(cancel);
        return doors.Contains(inner) ? [this] : doors;
    }

    public override Uri? ReadUrl(string key, TimeSpan life) => inner.ReadUrl(key, life);

    public override Task<StoreSettings> Settings(string sample, CancellationToken cancel) => inner.Settings(sample, cancel);

    /// <summary>Whether the armed failure struck.</summary>
    public bool Struck { get; private set; }

    /// <param name="write">1: the next write.</param>
    /// <param name="after">It happens, but the writer gets an error.</param>
    public void Arm(int write, bool after)
    {
        lock (gate)
            (failAt, afterwards, Struck) = (write, after, false);
    }

    public void Disarm()
    {
        lock (gate)
            failAt = -1;
    }

    /// <summary>Awaited before an object is read, with its key.</summary>
    public Func<string, Task>? BeforeGet { get; set; }

    /// <summary>Called before keys are listed, with their prefix; may throw.</summary>
    public Action<string>? BeforeList { get; set; }

    /// <summary>Awaited before an object is written or removed, with its key.</summary>
    public Func<string, Task>? BeforeWrite { get; set; }

    /// <summary>Called before an object is removed, with its key; may throw, as where a policy lacks that right.</summary>
    public Action<string>? BeforeDelete { get; set; }

    /// <summary>The store does not answer reads either.</summary>
    public bool Down
    {
        set => downForReads = value;
    }

    public override Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel) =>
        Write(key, () => inner.PutIfAbsent(key, body, cancel));

    public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel) =>
        Write(key, () => inner.PutIfMatch(key, body, etag, cancel));

    public override Task Delete(string key, CancellationToken cancel) => Write(key, async () =>
    {
        BeforeDelete?.Invoke(key);
        await inner.Delete(key, cancel);
        return true;
    });

    public override async Task<StoredObject?> Get(string key, CancellationToken cancel)
    {
        Reading();
        if (BeforeGet is not null)
            await BeforeGet(key);
        return await inner.Get(key, cancel);
    }

    public override IAsyncEnumerable<string> List(string prefix, string? after, CancellationToken cancel)
    {
        Reading();
        BeforeList?.Invoke(prefix);
        return inner.List(prefix, after, cancel);
    }

    private async Task<T> Write<T>(string key, Func<Task<T>> write)
    {
        Reading();
        if (key.StartsWith(ObjectKeys.Probes, StringComparison.Ordinal))
            return await write();
        if (BeforeWrite is not null)
            await BeforeWrite(key);
        bool fails;
        lock (gate)
        {
            fails = failAt > 0 && !OfItsOwn.Any(p => key.StartsWith(p, StringComparison.Ordinal)) && --failAt == 0;
            Struck |= fails;
        }
        if (fails && !afterwards)
            throw Unavailable();
        var done = await write();
        return fails ? throw Unavailable() : done;
    }

    private void Reading()
    {
        if (downForReads)
            throw Unavailable();
    }

    private static FaultException Unavailable() => new(FaultKind.Unavailable, Reason.StoreUnavailable,
        "the object store does not answer: test");
}
