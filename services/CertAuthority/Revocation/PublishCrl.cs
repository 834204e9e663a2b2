using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Issuance;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// The act of publishing: list n+1 is made from revocations listed after list n existed, so it contains list n, whoever publishes
/// (threats §3.4).
/// </summary>
internal sealed class PublishCrl(
    ObjectStore store, RevocationStore revocations, CarriedRevocations carried, ParentCrls parents, CaSigner signer, CertAuthorityOptions options, AuditLog audit, Ids ids,
    TimeProvider clock, ILogger<PublishCrl> log)
{
    private (CrlRecord Record, CrlDocument Read)? seen;

    /// <param name="always">A new number even if nothing changed.</param>
    /// <returns>The list that stands: it holds every revocation that was stored before the call.</returns>
    public async Task<CrlRecord> Run(bool always, CancellationToken cancel)
    {
        var taken = 0L;
        while (true)
        {
            // 1. Numbers first.
            var last = await Newest(cancel);
            // 2. Then the revocations; of certificates that have expired nobody asks any more. What the last list holds stays, whatever became of
            // its record.
            var now = clock.GetUtcNow();
            var all = await revocations.All(cancel);
            var live = all.Where(r => r.CertificateNotAfter.ToDateTimeOffset() + CarriedRevocations.Grace > now).ToList();
            if (seen is var (_, published))
                live.AddRange(await carried.From(published, live, all, now, cancel));
            var above = await parents.Newest(cancel);
            // 3. Nothing new, and not due?
            if (!always && Stands(live, above, now))
                return last!;
            // 4. Make it, and look at it again.
            var next = Make(Math.Max(last?.Number ?? 0, taken) + 1, live, above, now);
            // 5. Whoever creates the number has published; else begin again, behind it: it may be no list at all.
            if (await store.PutIfAbsent(ObjectKeys.Crl(next.Number), next, cancel) != PutOutcome.Stored)
            {
                taken = next.Number;
                continue;
            }
            audit.Note("crl.published", "allow", Caller.Own("crl"), $"crl-{next.Number}");
            return next;
        }
    }

    private async Task<CrlRecord?> Newest(CancellationToken cancel)
    {
        var keys = new List<string>();
        await foreach (var key in store.List(ObjectKeys.Crls, seen is null ? null : ObjectKeys.Crl(seen.Value.Record.Number), cancel))
            keys.Add(key);
        // The newest that is a list of ours under its own number; anything else there somebody else has put.
        for (var i = keys.Count - 1; i >= 0; i--)
        {
            if (await Read(keys[i], cancel) is { } found)
            {
                seen = found;
                break;
            }
            Log.ForeignCrl(log, keys[i]);
        }
        return seen?.Record;
    }

    private async Task<(CrlRecord, CrlDocument)?> Read(string key, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<CrlRecord>(key, cancel) is not { ThisUpdate: not null, NextUpdate: not null } record || CrlPem.Split(record.Pem) is not [var own, ..])
                return null;
            var read = CrlDocument.Read(own, signer.Ca);
            return record.Number == read.Number && key == ObjectKeys.Crl(read.Number) ? (record, read) : null;
        }
        catch (Exception e) when (e is InvalidDataException or CryptographicException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    private bool Stands(List<RevocationRecord> live, string above, DateTimeOffset now) =>
        seen is var (last, published) && Fresh(now - last.ThisUpdate.ToDateTimeOffset()) && last.Pem.EndsWith(above, StringComparison.Ordinal)
        && live.All(r => published.Serials.Contains(r.Serial));

    // A list from the future was made while some clock was ahead.
    private bool Fresh(TimeSpan age) => age < options.Crl.Refresh && age > TimeSpan.FromMinutes(-1);

    private CrlRecord Make(long number, List<RevocationRecord> live, string above, DateTimeOffset now)
    {
        var seconds = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds());
        var (from, until) = (seconds.AddSeconds(-1), seconds + options.Crl.NextUpdate);
        var der = CrlDocument.Build(live, number, from, until, signer);
        var read = CrlDocument.Read(der, signer.Ca);
        if (read.Number != number || !read.Serials.SetEquals(live.Select(r => r.Serial)))
            throw new CryptographicException("a list of revoked certificates is not what it was made from");
        return new CrlRecord
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Number = number,
            Pem = CrlPem.Write(der) + above,
            ThisUpdate = from.ToTimestamp(),
            NextUpdate = until.ToTimestamp(),
            Entries = live.Count,
        };
    }
}
