using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>Requests that wait for a person: at most 1,000, for 24 hours, one key a name, never with their secret.</summary>
internal sealed class HeldRequests(ObjectStore store, Ids ids, TimeProvider clock)
{
    private const int Most = 1000;
    private static readonly TimeSpan For = TimeSpan.FromHours(24);

    /// <exception cref="FaultException">HELD_OTHER_KEY (conflict) or HELD_QUEUE_FULL (precondition).</exception>
    public async Task Keep(Admission admission, Caller by, CancellationToken cancel)
    {
        var request = admission.Evidence.Request;
        var own = ObjectKeys.HeldRequest(admission.Name, request.Key.SpkiSha256);
        if (await store.Get(own, cancel) is not null)
            return;
        if (await AnotherKey(admission.Name, own, cancel))
            throw OtherKey();
        if (await Count(cancel) >= Most)
            throw new FaultException(FaultKind.Precondition, Reason.HeldQueueFull, $"{Most} requests wait for a person already; approve or drop some");
        await store.PutIfAbsent(own, new HeldRequest
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = admission.Name.ToString(),
            SpkiSha256 = request.Key.SpkiSha256,
            SubjectPublicKeyInfoPem = PemEncoding.WriteString("PUBLIC KEY", request.Key.Spki.Span) + "\n",
            Decision = admission.Verdict.ToDecision(),
            ReceivedAt = clock.GetUtcNow().ToTimestamp(),
            Peer = by.Peer,
            RequestedDnsNames = { request.DnsNames },
            Renews = request.Renews,
        }, cancel);
        // Two keys at one moment: both give way, and the agents come again.
        if (await AnotherKey(admission.Name, own, cancel))
        {
            await store.Delete(own, cancel);
            throw OtherKey();
        }
    }

    /// <summary>Drops what waits for a name that has its certificate now.</summary>
    public async Task Forget(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HeldRequestsOf(name), null, cancel))
            await store.Delete(key, cancel);
    }

    /// <summary>Oldest first.</summary>
    public async Task<IReadOnlyList<HeldRequest>> All(CancellationToken cancel)
    {
        var found = new List<HeldRequest>();
        await foreach (var key in store.List(ObjectKeys.HeldRequests, null, cancel))
        {
            if (await store.Get<HeldRequest>(key, cancel) is { } held)
                found.Add(held);
        }
        return [.. found.OrderBy(h => h.ReceivedAt.ToDateTimeOffset()).ThenBy(h => h.Certname, StringComparer.Ordinal)];
    }

    /// <summary>Drops what has waited too long.</summary>
    public async Task Expire(CancellationToken cancel)
    {
        var before = clock.GetUtcNow() - For;
        foreach (var held in (await All(cancel)).TakeWhile(h => h.ReceivedAt.ToDateTimeOffset() < before))
            await store.Delete(ObjectKeys.HeldRequest(CertName.Parse(held.Certname), held.SpkiSha256), cancel);
    }

    private async Task<bool> AnotherKey(CertName name, string own, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HeldRequestsOf(name), null, cancel))
        {
            if (key != own)
                return true;
        }
        return false;
    }

    private async Task<int> Count(CancellationToken cancel)
    {
        var count = 0;
        await foreach (var _ in store.List(ObjectKeys.HeldRequests, null, cancel))
            count++;
        return count;
    }

    private static FaultException OtherKey() =>
        new(FaultKind.Conflict, Reason.HeldOtherKey, "a request of another key waits for this name; drop it first, or use its key");
}
