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
        var seen = await probe.Check(Writers, cancel);
        return new CheckBucketResponse
        {
            Bucket = store.Name,
            Promises = { seen.Promises.Select(p => new BucketPromise { Promise = p.Name, Kept = p.Kept, Detail = p.Detail }) },
            Public = seen.Settings.Public,
            Versioning = seen.Settings.Versioning,
            EtagForm = seen.Form.Text(),
            Addresses = { seen.Addresses },
        };
    }
}
