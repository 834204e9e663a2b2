using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>ca/blocked-keys: keys revoked as compromised. No certificate for them any more, under any name (threats T60).</summary>
internal sealed class KeyBlocks(ObjectStore store, Ids ids, TimeProvider clock)
{
    public async Task<bool> Holds(SpkiHash key, CancellationToken cancel) =>
        await store.Get(ObjectKeys.BlockedKey($"{key}"), cancel) is not null;

    public Task Add(Claim claim, CancellationToken cancel) => store.PutIfAbsent(ObjectKeys.BlockedKey(claim.SpkiSha256), new BlockedKey
    {
        Schema = 1,
        WriteId = ids.Unguessable(),
        SpkiSha256 = claim.SpkiSha256,
        Certname = claim.Certname,
        At = clock.GetUtcNow().ToTimestamp(),
    }, cancel);
}
