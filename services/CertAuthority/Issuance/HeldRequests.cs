using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Csr;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>Requests that wait for a person: at most 1,000, for 24 hours, one key a name, never with their secret.</summary>
internal sealed class HeldRequests(ObjectStore store, RecordSeal seal, Ids ids, TimeProvider clock, ILogger<HeldRequests> log)
{
    private const int Most = 1000, MostOfAnAddress = 100;
    private static readonly TimeSpan For = TimeSpan.FromHours(24);

    /// <exception cref="FaultException">HELD_OTHER_KEY (conflict) or HELD_QUEUE_FULL (precondition).</exception>
    public async Task Keep(Admission admission, Submission submission, CancellationToken cancel)
    {
        var request = admission.Evidence.Request;
        var own = ObjectKeys.HeldRequest(admission.Name, request.Key.SpkiSha256);
        if (await Read(own, cancel) is not null)
            return;
        if (await AnotherKey(admission.Name, own, cancel))
            throw OtherKey();
        await CheckRoom(submission.By.Peer, cancel);
        var kept = RedactedCsr.Of(CsrPem.Read(submission.Body.Span));
        var held = new HeldRequest
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = admission.Name.ToString(),
            SpkiSha256 = request.Key.SpkiSha256,
            SubjectPublicKeyInfoPem = PemEncoding.WriteString("PUBLIC KEY", request.Key.Spki.Span) + "\n",
            Decision = admission.Verdict.ToDecision(),
            ReceivedAt = clock.GetUtcNow().ToTimestamp(),
            Peer = submission.By.Peer,
            RequestedDnsNames = { request.DnsNames },
            RequestedExtensions = { request.Extensions.ToDictionary() },
            Renews = request.Renews,
            RedactedCsr = ByteString.CopyFrom(kept.Der),
            FingerprintSha1 = kept.Sha1,
            FingerprintSha256 = kept.Sha256,
            FingerprintSha512 = kept.Sha512,
            // Of a site's own secret, which may be weak, not even a hash is kept.
            ChallengeSha256 = request.ChallengeIsToken ? request.ChallengeSha256 ?? "" : "",
            BroughtChallenge = request.ChallengeSha256 is not null,
            Key = request.Key.Text,
            Remedy = admission.Verdict.Remedy,
        };
        seal.Put(held);
        await store.PutIfAbsent(own, held, cancel);
        // Two keys at one moment: both give way, and the agents come again.
        if (await AnotherKey(admission.Name, own, cancel))
        {
            await store.Delete(own, cancel);
            throw OtherKey();
        }
    }

    /// <summary>What waits under this name; null: nothing.</summary>
    public async Task<HeldRequest?> Find(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HeldRequestsOf(name), null, cancel))
        {
            if (await Read(key, cancel) is { } held)
                return held;
        }
        return null;
    }

    /// <summary>As it may be answered: what is compared is nobody's to see.</summary>
    public static HeldRequest Shown(HeldRequest held)
    {
        var shown = held.Clone();
        shown.ChallengeSha256 = "";
        shown.Seal = ByteString.Empty;
        return shown;
    }

    /// <summary>The request's facts, as when it came in.</summary>
    public static CsrFacts FactsOf(HeldRequest held)
    {
        var pem = held.SubjectPublicKeyInfoPem;
        return new CsrFacts
        {
            CommonName = held.Certname,
            // Sealed, so it is the key that was proved, and the one its hash names.
            Key = SubjectKeyReader.Read(Convert.FromBase64String(pem[PemEncoding.Find(pem).Base64Data])),
            DnsNames = held.RequestedDnsNames,
            Extensions = held.RequestedExtensions,
            ChallengeSha256 = held.ChallengeSha256.Length > 0 ? held.ChallengeSha256 : null,
            Renews = held.Renews,
        };
    }

    /// <summary>Drops what waits for a name that has its certificate now.</summary>
    /// <returns>Whether anything waited.</returns>
    public async Task<bool> Forget(CertName name, CancellationToken cancel)
    {
        var any = false;
        await foreach (var key in store.List(ObjectKeys.HeldRequestsOf(name), null, cancel))
        {
            await store.Delete(key, cancel);
            any = true;
        }
        return any;
    }

    /// <summary>Oldest first.</summary>
    public async Task<IReadOnlyList<HeldRequest>> All(CancellationToken cancel)
    {
        var found = new List<HeldRequest>();
        await foreach (var key in store.List(ObjectKeys.HeldRequests, null, cancel))
        {
            if (await Read(key, cancel) is { } held)
                found.Add(held);
        }
        return [.. found.OrderBy(h => h.ReceivedAt.ToDateTimeOffset()).ThenBy(h => h.Certname, StringComparer.Ordinal)];
    }

    /// <summary>Drops what has waited too long, and what is none of ours.</summary>
    public async Task Expire(CancellationToken cancel)
    {
        var before = clock.GetUtcNow() - For;
        await foreach (var key in store.List(ObjectKeys.HeldRequests, null, cancel))
        {
            if (await Read(key, cancel) is not { } held || held.ReceivedAt.ToDateTimeOffset() < before)
                await store.Delete(key, cancel);
        }
    }

    // Null: gone, damaged, or put there by somebody else, whose request never proved that it has its key.
    private async Task<HeldRequest?> Read(string key, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<HeldRequest>(key, cancel) is not { } held)
                return null;
            if (seal.Holds(held) && CertName.TryParse(held.Certname, out var name, out _) && key == ObjectKeys.HeldRequest(name, held.SpkiSha256))
                return held;
            Log.ForeignRequest(log, key);
        }
        catch (InvalidDataException)
        {
            Log.ForeignRequest(log, key);
        }
        return null;
    }

    // A thousand made-up names from one place must not shut out everybody else's.
    private async Task CheckRoom(string peer, CancellationToken cancel)
    {
        var waiting = await Count(cancel);
        if (waiting >= Most)
            throw new FaultException(FaultKind.Precondition, Reason.HeldQueueFull, $"{Most} requests wait for a person already; approve or drop some");
        if (waiting >= MostOfAnAddress && (await All(cancel)).Count(h => h.Peer == peer) >= MostOfAnAddress)
            throw new FaultException(FaultKind.Precondition, Reason.HeldQueueFull, $"{MostOfAnAddress} requests from this address wait for a person already; approve or drop some");
    }

    private async Task<bool> AnotherKey(CertName name, string own, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HeldRequestsOf(name), null, cancel))
        {
            if (key != own && await Read(key, cancel) is not null)
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
