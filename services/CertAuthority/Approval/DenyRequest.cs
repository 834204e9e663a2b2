using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Approval;

/// <summary>A person's no to a held request: the key is refused for that name from now on, and the request goes.</summary>
internal sealed class DenyRequest(HeldRequests held, AuditLog audit, ObjectStore store, Ids ids, TimeProvider clock)
{
    public async Task Run(CertName name, SpkiHash key, string reason, Caller by, CancellationToken cancel)
    {
        // 1. The request the person saw; denied before is as well.
        var waiting = await held.Find(name, cancel);
        var spki = $"{key}";
        if (!key.Is(waiting?.SpkiSha256))
        {
            if (await store.Get(ObjectKeys.Denial(name, spki), cancel) is not null)
                return;
            throw waiting is null
                ? new FaultException(FaultKind.NotFound, Reason.NotFound, $"no certificate request waits for {name}")
                : new FaultException(
                    FaultKind.Conflict, Reason.HeldOtherKey, $"the key that waits for {name} is {waiting.SpkiSha256}; look at it again");
        }
        // 2. The no, durable.
        await store.PutIfAbsent(ObjectKeys.Denial(name, spki), new Denial
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            SpkiSha256 = spki,
            Reason = reason,
            By = by.Actor,
            At = clock.GetUtcNow().ToTimestamp(),
        }, cancel);
        // 3. Record it, while the request is still there: a retry after a crash comes by here again.
        var decision = DecisionOutcome.Refuse.Because(Reason.RequestDenied, reason);
        await audit.Write(AuditAction.RequestDenied, name.ToString(), by, spki: spki, decision: decision, cancel: cancel);
        await audit.Flushed(cancel);
        // 4. It waits no more.
        await held.Forget(name, cancel);
    }
}
