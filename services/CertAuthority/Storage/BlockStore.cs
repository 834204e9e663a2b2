using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>ca/blocks: no certificate for a name while one exists.</summary>
internal sealed class BlockStore(ObjectStore store)
{
    public async Task<IReadOnlyList<Block>> Of(CertName name, CancellationToken cancel)
    {
        var found = new List<Block>();
        await foreach (var key in store.List(ObjectKeys.BlocksOf(name), null, cancel))
        {
            if (await store.Get<Block>(key, cancel) is { } block)
                found.Add(block);
        }
        return found;
    }

    /// <summary>The id makes it idempotent: the first of that id stays.</summary>
    public Task<PutOutcome> Put(Block block, CancellationToken cancel) =>
        store.PutIfAbsent(ObjectKeys.Block(CertName.Parse(block.Certname), block.Id), block, cancel);
}
