using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Storage;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>
/// Requests that wait for a person: at most 1,000, each address with a share of them, for 24 hours, one key a name, never with their
/// secret.
/// </summary>
internal sealed class HeldRequests(ObjectStore store, RecordMac seal, AuditBudget audit, CertAuthorityOptions options, Ids ids,
    TimeProvider clock, ILogger<HeldRequests> log) : IDisposable
{
    private static readonly TimeSpan For = TimeSpan.FromHours(24), Fresh = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(5);
    // One after the other, so that two do not take the last place; and each is read once, since none ever changes.
    private readonly SemaphoreSlim door = new(1);
    private readonly Dictionary<string, HeldPlace> places = new(StringComparer.Ordinal);
    private long looked;

    public void Dispose() => door.Dispose();

    /// <exception cref="FaultException">HELD_OTHER_KEY (conflict) or HELD_QUEUE_FULL (precondition).</exception>
    public async Task Keep(Admission admission, Submission submission, CancellationToken cancel)
    {
        var request = admission.EnrollmentContext.Request;
        var own = ObjectKeys.HeldRequest(admission.Name, $"{request.Key.Hash}");
        if (await Read(own, cancel) is not null)
            return;
        if (await AnotherKey(admission.Name, own, cancel))
            throw OtherKey();
        var kept = RedactedCsr.Of(CsrPem.Read(submission.Body.Span));
        var held = new HeldRequest
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = admission.Name.ToString(),
            SpkiSha256 = $"{request.Key.Hash}",
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
        await Enter(own, held, cancel);
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

    /// <summary>As it may be answered: the hashes stay hidden.</summary>
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

    /// <summary>What <see cref="All"/> found last; null: it was not asked yet.</summary>
    public WaitingRequests? LastSeen { get; private set; }

    /// <summary>Oldest first.</summary>
    public async Task<IReadOnlyList<HeldRequest>> All(CancellationToken cancel)
    {
        var found = new List<HeldRequest>();
        await foreach (var key in store.List(ObjectKeys.HeldRequests, null, cancel))
        {
            if (await Read(key, cancel) is { } held)
                found.Add(held);
        }
        var all = found.OrderBy(h => h.ReceivedAt.ToDateTimeOffset()).ThenBy(h => h.Certname, StringComparer.Ordinal).ToList();
        LastSeen = new WaitingRequests(all.Count, all.FirstOrDefault()?.ReceivedAt.ToDateTimeOffset());
        return all;
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

    // Null: gone, damaged, or put there by another writer, whose request never proved that it has its key.
    private async Task<HeldRequest?> Read(string key, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<HeldRequest>(key, cancel) is not { } held)
                return null;
            if (seal.Holds(held) && CertName.TryParse(held.Certname, out var name, out _)
                && key == ObjectKeys.HeldRequest(name, held.SpkiSha256))
            {
                return held;
            }
            Log.ForeignRequest(log, key);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            Log.ForeignRequest(log, key);
        }
        return null;
    }

    private async Task Enter(string own, HeldRequest held, CancellationToken cancel)
    {
        // While the store is slow the queue here stays bounded.
        if (!await door.WaitAsync(Patience, cancel))
        {
            throw new FaultException(
                FaultKind.Unavailable, Reason.StoreUnavailable, "too many requests are being queued for approval; try again");
        }
        try
        {
            // An address that is over its share must not cost the store a listing for each try.
            if (looked == 0 || clock.GetElapsedTime(looked) > Fresh
                || HeldShares.Refusal(places.Values, From(held), options.Approval.WaitingPerAddress, out _) is null)
            {
                await LookAround(cancel);
            }
            if (HeldShares.Refusal(places.Values, From(held), options.Approval.WaitingPerAddress, out var givesWay) is { } refusal)
                throw new FaultException(FaultKind.Precondition, Reason.HeldQueueFull, refusal);
            if (givesWay is not null)
                await GiveWay(givesWay, cancel);
            await store.PutIfAbsent(own, held, cancel);
        }
        finally
        {
            door.Release();
        }
    }

    // One listing; only what is new is read.
    private async Task LookAround(CancellationToken cancel)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var key in store.List(ObjectKeys.HeldRequests, null, cancel))
            keys.Add(key);
        foreach (var gone in places.Keys.Where(k => !keys.Contains(k)).ToList())
            places.Remove(gone);
        foreach (var key in keys.Where(k => !places.ContainsKey(k)))
        {
            if (await Read(key, cancel) is { } other)
                places[key] = new HeldPlace(key, From(other), other.ReceivedAt.ToDateTimeOffset());
        }
        looked = clock.GetTimestamp();
    }

    private async Task GiveWay(HeldPlace place, CancellationToken cancel)
    {
        if (await Read(place.Key, cancel) is not { } held)
            return;
        var decision = DecisionOutcome.Refuse.Because(
            Reason.HeldQueueFull, "all places were taken, and its address held most of them; its agent may ask again");
        var by = Caller.Own("held") with { Peer = held.Peer };
        await audit.Write(AuditAction.RequestDisplaced.Record(held.Certname, by, spki: held.SpkiSha256, decision: decision),
            isRegistered: false, cancel);
        await store.Delete(place.Key, cancel);
    }

    private static AddressKey From(HeldRequest held) =>
        AddressKey.Of(System.Net.IPAddress.TryParse(held.Peer, out var address) ? address : null);

    private async Task<bool> AnotherKey(CertName name, string own, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HeldRequestsOf(name), null, cancel))
        {
            if (key != own && await Read(key, cancel) is not null)
                return true;
        }
        return false;
    }

    private static FaultException OtherKey() =>
        new(FaultKind.Conflict, Reason.HeldOtherKey, "a request of another key waits for this name; drop it first, or use its key");
}

/// <summary>How many requests wait for a person.</summary>
/// <param name="Count">How many.</param>
/// <param name="Oldest">When the first of them came; null: none waits.</param>
internal sealed record WaitingRequests(int Count, DateTimeOffset? Oldest);
