using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Storage;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>CertAuthority's part in terminating an instance; ca/closed/&lt;certname&gt; is what the Conductor waits for.</summary>
internal sealed class RevokeTerminatedName(RevokeName revoke, ObjectStore store, Ids ids, TimeProvider clock)
{
    private static readonly RevocationCause Cause =
        new(BlockKind.Terminated, RevocationReason.CessationOfOperation, "the instance is being terminated");

    public async Task Run(CertName name, CancellationToken cancel)
    {
        // 1. Done before?
        if (await store.Get(ObjectKeys.Closed(name), cancel) is not null)
            return;
        // 2. Block, revoke, publish.
        var (serials, crl) = await revoke.Run(name, Cause, Caller.Own("terminate"), cancel);
        // 3. Say so.
        var closure = new Closure
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            Serials = { serials },
            CrlNumber = crl.Number,
            At = clock.GetUtcNow().ToTimestamp(),
        };
        await store.PutIfAbsent(ObjectKeys.Closed(name), closure, cancel);
    }
}
