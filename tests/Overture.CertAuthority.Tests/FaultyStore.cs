using System.Collections.Concurrent;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Tests;

/// <summary>Where a failing write stops.</summary>
public enum Break
{
    /// <summary>Nothing was written.</summary>
    Before,
    /// <summary>It was written, and the answer was lost: the writer can't know.</summary>
    After,
}

/// <summary>The real store, but for exactly one named write; then it is healed. As if the process had died at that point.</summary>
public sealed class FaultyStore(ObjectStore inner) : ObjectStore
{
    private (string Prefix, Break Where)? armed;
    private volatile string? unread;

    public override string Name => inner.Name;

    /// <summary>Keys written, in order.</summary>
    public ConcurrentQueue<string> Writes { get; } = [];

    /// <summary>Called before each read of this prefix: what happens at just that moment.</summary>
    public ConcurrentDictionary<string, Func<Task>> BeforeList { get; } = new();

    /// <summary>How often anything below this prefix was listed.</summary>
    public int ListsOf(string prefix) => lists.Where(l => l.Key.StartsWith(prefix, StringComparison.Ordinal)).Sum(l => l.Value);

    private readonly ConcurrentDictionary<string, int> lists = new(StringComparer.Ordinal);

    /// <summary>Writes of this prefix fail until it is null again.</summary>
    public string? Refused { get; set; }

    /// <summary>What the store's clock says.</summary>
    public TimeSpan? Ahead { get; set; }

    public override TimeSpan? ClockAhead => Ahead;

    public override TimeSpan WriteProbePeriod => TimeSpan.FromMilliseconds(200);

    public bool Tripped => armed is null;

    /// <summary>The next read of this very object fails.</summary>
    public void FailNextRead(string key) => unread = key;

    public void FailNext(string prefix, Break where) => armed = (prefix, where);

    public override async Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        if (armed is { } fault && key.StartsWith(fault.Prefix, StringComparison.Ordinal))
        {
            armed = null;
            if (fault.Where == Break.After)
                await inner.PutIfAbsent(key, body, cancel);
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the store of this test broke");
        }
        if (Refused is { } refused && key.StartsWith(refused, StringComparison.Ordinal))
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the store of this test refuses");
        if (!key.StartsWith(ObjectKeys.Probes, StringComparison.Ordinal))
            Writes.Enqueue(key);
        return await inner.PutIfAbsent(key, body, cancel);
    }

    /// <summary>Writes can be read, and are never on the disk: their writers, and whoever waits for them to be, get an error.</summary>
    public bool NothingIsDurable { get; set; }

    public override async Task<int> PutInOrder(IReadOnlyList<NewObject> objects, CancellationToken cancel)
    {
        var stored = await base.PutInOrder(objects, cancel);
        await MakeDurable([], cancel);
        return stored;
    }

    public override Task MakeDurable(IReadOnlyList<string> keys, CancellationToken cancel) => NothingIsDurable
        ? throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the disk of this test broke")
        : inner.MakeDurable(keys, cancel);

    public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel) =>
        inner.PutIfMatch(key, body, etag, cancel);

    public override Task<StoredObject?> Get(string key, CancellationToken cancel)
    {
        if (key != unread)
            return inner.Get(key, cancel);
        unread = null;
        throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the store of this test does not answer");
    }

    public override async IAsyncEnumerable<string> List(
        string prefix, string? after, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        lists.AddOrUpdate(prefix, 1, (_, count) => count + 1);
        if (BeforeList.TryRemove(prefix, out var action))
            await action();
        await foreach (var key in inner.List(prefix, after, cancel))
            yield return key;
    }

    public override Task Delete(string key, CancellationToken cancel) => inner.Delete(key, cancel);
}
