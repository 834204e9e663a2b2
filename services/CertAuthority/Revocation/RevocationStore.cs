using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Revocation;

/// <summary>RFC 5280 §5.3.1, those that are given out.</summary>
internal enum RevocationReason
{
    KeyCompromise = 1,
    CessationOfOperation = 5,
}

/// <summary>ca/revoked: facts that never change, so what was read once is kept. Also the set that handshakes and requests ask.</summary>
internal sealed class RevocationStore(ObjectStore store, Ids ids, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, RevocationRecord> known = new(StringComparer.Ordinal);

    /// <summary>By what this replica has seen so far; no store is asked.</summary>
    public bool IsKnown(string serial) => known.ContainsKey(serial);

    public async Task<bool> Contains(string serial, CancellationToken cancel)
    {
        if (known.ContainsKey(serial))
            return true;
        if (await store.Get(ObjectKeys.Revocation(serial), cancel) is not { } found)
            return false;
        known[serial] = Read(serial, found.Body);
        return true;
    }

    // The key alone says that the serial is revoked; a body that is damaged must not undo that, nor stop the list of all others.
    private RevocationRecord Read(string serial, byte[] body)
    {
        try
        {
            var record = RecordJson.Read<RevocationRecord>(body);
            if (record.Serial == serial && record.At is not null && record.CertificateNotAfter is not null)
                return record;
        }
        catch (InvalidDataException)
        {
            // as below
        }
        return new RevocationRecord
        {
            Serial = serial,
            ReasonCode = (int)RevocationReason.CessationOfOperation,
            Sentence = "the record is damaged",
            At = clock.GetUtcNow().ToTimestamp(),
            CertificateNotAfter = clock.GetUtcNow().AddYears(5).ToTimestamp(),
        };
    }

    /// <returns>False: it was revoked already, and stays as it was.</returns>
    public async Task<bool> Put(Records.V1.Claim claim, RevocationReason reason, string sentence, string by, CancellationToken cancel)
    {
        if (await Contains(claim.Serial, cancel))
            return false;
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
        var stored = await store.PutIfAbsent(ObjectKeys.Revocation(claim.Serial), fact, cancel) == PutOutcome.Stored;
        if (stored)
            known[claim.Serial] = fact;
        return stored;
    }

    /// <summary>Everything the store holds now; reads only what is new.</summary>
    public async Task<IReadOnlyCollection<RevocationRecord>> All(CancellationToken cancel)
    {
        var fresh = new List<string>();
        await foreach (var key in store.List(ObjectKeys.Revocations, null, cancel))
        {
            var serial = key[ObjectKeys.Revocations.Length..];
            // Anything else there is no serial in our spelling, and revokes nothing.
            if (SerialText.IsSpelled(serial) && !known.ContainsKey(serial))
                fresh.Add(serial);
        }
        await Parallel.ForEachAsync(fresh, new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = cancel }, async (serial, stop) => await Contains(serial, stop));
        return [.. known.Values];
    }

    /// <summary>A serial that the last list holds and no record does: revoked as well.</summary>
    public void Remember(RevocationRecord revoked) => known.TryAdd(revoked.Serial, revoked);
}
