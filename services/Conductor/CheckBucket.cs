using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Objects;

namespace Overture.Conductor;

/// <summary>Tests the store's guarantees on request; the result changes nothing here.</summary>
internal sealed class CheckBucket(StoreProbe probe, ObjectStore store)
{
    private const int Writers = 16;

    public async Task<CheckBucketResponse> Run(CancellationToken cancel)
    {
        var (promises, settings) = await probe.Check(Writers, cancel);
        return new CheckBucketResponse
        {
            Bucket = store.Name,
            Promises = { promises.Select(p => new BucketPromise { Promise = p.Name, Kept = p.Kept, Detail = p.Detail }) },
            Public = settings.Public,
            Versioning = settings.Versioning,
            EtagForm = store.ETagForm.Text(),
            Addresses = { await store.Addresses(cancel) },
        };
    }
}
