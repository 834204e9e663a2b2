using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Storage;

/// <summary>RFC 5280 §5.3.1, those that are given out.</summary>
internal enum RevocationReason
{
    KeyCompromise = 1,
    CessationOfOperation = 5,
}

/// <summary>ca/revoked: facts that never change, so what was read once is kept. Also the set that handshakes and requests ask.</summary>
internal sealed class RevocationStore(ObjectStore store, Ids ids, TimeProvider clock)
{
    // A restored backup, or a record restored by hand, comes first.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly ConcurrentDictionary<SerialNumber, RevocationRecord> known = [];
    // Known here and not in the store, since when; null: no record of it was there when this process first looked.
    private readonly ConcurrentDictionary<SerialNumber, long?> missing = [];
    private volatile IReadOnlySet<SerialNumber> listed = new HashSet<SerialNumber>();

    /// <summary>By what this replica has seen so far; no store is asked.</summary>
    public bool IsKnown(SerialNumber serial) => known.ContainsKey(serial) || listed.Contains(serial);

    /// <summary>Its record, as this replica has seen it; null: it is not revoked, or no record says so.</summary>
    public RevocationRecord? Find(SerialNumber serial) => known.GetValueOrDefault(serial);

    /// <summary>What a list of ours holds is revoked, whatever became of its record.</summary>
    public void Listed(IReadOnlySet<SerialNumber> serials) => listed = serials;

    public async Task<bool> Contains(SerialNumber serial, CancellationToken cancel)
    {
        if (IsKnown(serial))
            return true;
        return await Load(serial, cancel);
    }

    private async Task<bool> Load(SerialNumber serial, CancellationToken cancel)
    {
        if (await Read(serial, cancel) is not { } found)
            return false;
        known[serial] = found;
        return true;
    }

    // The key alone says that the serial is revoked; a body that is damaged must not undo that, nor stop the list of all others.
    private async Task<RevocationRecord?> Read(SerialNumber serial, CancellationToken cancel)
    {
        try
        {
            var record = await store.Get<RevocationRecord>(ObjectKeys.Revocation($"{serial}"), cancel);
            if (record is null || (record.Serial == $"{serial}" && record.At is not null && record.CertificateNotAfter is not null))
                return record;
        }
        catch (UnreadableObjectException)
        {
            // as below
        }
        return new RevocationRecord
        {
            Serial = $"{serial}",
            ReasonCode = (int)RevocationReason.CessationOfOperation,
            Sentence = "the record is damaged",
            At = clock.GetUtcNow().ToTimestamp(),
            CertificateNotAfter = clock.GetUtcNow().AddYears(5).ToTimestamp(),
        };
    }

    /// <returns>What was written; null: it was revoked already, and stays as it was.</returns>
    public async Task<RevocationRecord?> Put(
        Records.V1.Claim claim, RevocationReason reason, string sentence, string by, CancellationToken cancel)
    {
        var serial = SerialNumber.Recorded(claim.Serial);
        if (await Contains(serial, cancel))
            return null;
        var fact = new RevocationRecord
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Serial = claim.Serial,
            Certname = claim.Certname,
            ReasonCode = (int)reason,
            Sentence = sentence,
            By = by,
            At = clock.GetUtcNow().ToTimestamp(),
            CertificateNotAfter = claim.NotAfter ?? clock.GetUtcNow().AddYears(5).ToTimestamp(),
        };
        if (await store.PutIfAbsent(ObjectKeys.Revocation(claim.Serial), fact, cancel) != PutOutcome.Stored)
            return null;
        known[serial] = fact;
        return fact;
    }

    /// <summary>Everything the store holds now; reads only what is new.</summary>
    public async Task<IReadOnlyCollection<RevocationRecord>> All(CancellationToken cancel)
    {
        var before = known.Keys;
        var (found, fresh) = (new HashSet<SerialNumber>(), new List<SerialNumber>());
        await foreach (var key in store.List(ObjectKeys.Revocations, null, cancel))
        {
            // Anything else there is no serial in our spelling, and revokes nothing.
            var text = key[ObjectKeys.Revocations.Length..];
            if (!SerialNumber.IsRecorded(text))
                continue;
            // An imported CA's may be one that no CA should give: it is there, and known by what revoked it.
            var serial = SerialNumber.Recorded(text);
            found.Add(serial);
            if (!known.ContainsKey(serial) && SerialNumber.TryRecorded(text, out _))
                fresh.Add(serial);
        }
        foreach (var serial in before.Where(s => !found.Contains(s)))
            missing.TryAdd(serial, clock.GetTimestamp());
        foreach (var serial in missing.Keys.Where(found.Contains))
            missing.TryRemove(serial, out _);
        await Parallel.ForEachAsync(fresh, new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = cancel },
            async (serial, stop) => await Load(serial, stop));
        return [.. known.Values];
    }

    /// <summary>A serial that the last list holds and no record does: revoked as well.</summary>
    public void Remember(RevocationRecord revoked)
    {
        var serial = SerialNumber.Recorded(revoked.Serial);
        if (known.TryAdd(serial, revoked))
            missing.TryAdd(serial, null);
    }

    /// <summary>How many records that this process knows are not in the store.</summary>
    public int Missing => missing.Count;

    /// <summary>What the newest list holds and the store has no record of, for so long that it is probably not being restored.</summary>
    public IReadOnlyList<RevocationRecord> Lost() =>
        [.. missing.Where(m => listed.Contains(m.Key) && (m.Value is not { } since || clock.GetElapsedTime(since) >= Patience))
            .Select(m => known[m.Key])];

    /// <summary>Its record is in the store again.</summary>
    public void Restored(RevocationRecord record)
    {
        var serial = SerialNumber.Recorded(record.Serial);
        known[serial] = record;
        missing.TryRemove(serial, out _);
    }
}
