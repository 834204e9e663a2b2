using System.Runtime.CompilerServices;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;

namespace Overture.Platform.Objects;

/// <summary>The store as services use it: each read and write first makes sure that it is still the store they began with.</summary>
public sealed class IdentifiedStore : ObjectStore
{
    private readonly StoreIdentity identity;
    private readonly ObjectStore store;

    public IdentifiedStore(StoreIdentity identity)
    {
        (this.identity, store) = (identity, identity.Store);
        Relay(store);
    }

    public override string Name => store.Name;

    public override TimeSpan? ClockAhead => store.ClockAhead;

    public override bool GivesUrls => store.GivesUrls;

    public override ETagForm? ETagForm { get => store.ETagForm; set => store.ETagForm = value; }

    public override string? Address => store.Address;

    public override Task<IReadOnlyList<string>> Addresses(CancellationToken cancel) => store.Addresses(cancel);

    public override TimeSpan WriteProbePeriod => store.WriteProbePeriod;

    public override FileStamp? Stamp(string key) => store.Stamp(key);

    public override Uri? ReadUrl(string key, TimeSpan life) => store.ReadUrl(key, life);

    public override Task<PutOutcome> PutIfAbsent(string key, ReadOnlyMemory<byte> body, CancellationToken cancel) =>
        Counted("put", () => store.PutIfAbsent(key, body, cancel), cancel);

    public override Task<int> PutInOrder(IReadOnlyList<NewObject> objects, CancellationToken cancel) =>
        Counted("put", () => store.PutInOrder(objects, cancel), cancel);

    public override async Task MakeDurable(IReadOnlyList<string> keys, CancellationToken cancel)
    {
        await identity.Demand(cancel);
        await store.MakeDurable(keys, cancel);
    }

    public override Task<PutOutcome> PutIfMatch(string key, ReadOnlyMemory<byte> body, string etag, CancellationToken cancel) =>
        Counted("put", () => store.PutIfMatch(key, body, etag, cancel), cancel);

    public override Task<StoredObject?> Get(string key, CancellationToken cancel) =>
        Counted("get", () => store.Get(key, cancel), cancel);

    public override Task<ConditionalGet> GetUnless(string key, string etag, CancellationToken cancel) =>
        Counted("get", () => store.GetUnless(key, etag, cancel), cancel);

    public override async IAsyncEnumerable<string> List(string prefix, string? after, [EnumeratorCancellation] CancellationToken cancel)
    {
        await identity.Demand(cancel);
        await foreach (var key in store.List(prefix, after, cancel))
            yield return key;
    }

    public override async Task Delete(string key, CancellationToken cancel)
    {
        await identity.Demand(cancel);
        await store.Delete(key, cancel);
    }

    public override async Task<StoreSettings> Settings(string sample, CancellationToken cancel)
    {
        await identity.Demand(cancel);
        return await store.Settings(sample, cancel);
    }

    public override async Task<int> Tidy(DateTimeOffset now, CancellationToken cancel)
    {
        await identity.Demand(cancel);
        return await store.Tidy(now, cancel);
    }

    public override async Task<IReadOnlyList<ObjectStore>> Doors(CancellationToken cancel)
    {
        await identity.Demand(cancel);
        var doors = await store.Doors(cancel);
        // A directory's one door is the store itself, which goes on being used; a caller closes what is not this.
        return doors is [var only] && ReferenceEquals(only, store) ? [this] : doors;
    }

    // A store that is away fails before it is asked, and that counts.
    private Task<T> Counted<T>(string operation, Func<Task<T>> call, CancellationToken cancel) => CallMetrics.OfStore(operation, async () =>
    {
        await identity.Demand(cancel);
        return await call();
    });
}
