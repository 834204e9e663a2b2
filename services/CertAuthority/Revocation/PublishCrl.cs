using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// The act of publishing: list n+1 is made from revocations listed after list n existed, so it contains list n, whichever replica publishes
/// (docs/threats.md §3.4), and whatever became of list n since (<see cref="PublishedCrls"/>).
/// </summary>
internal sealed class PublishCrl(
    ObjectStore store, RevocationStore revocations, CarriedRevocations carried, ParentCrls parents, KeptCrl kept, CaSigner signer,
    CertAuthorityOptions options, AuditLog audit,
    Ids ids, TimeProvider clock, ILogger<PublishCrl> log)
{
    // New machines have bad clocks, and agents give a thisUpdate no tolerance; as long as certificates' notBefore.
    private static readonly TimeSpan Backdate = CertificateProfile.Backdate;
    // After a stop the time of the lists catches up by so much.
    private const int CatchUp = 4;
    private readonly PublishedCrls published = new(store, kept, signer, clock, log);

    /// <param name="always">A new number even if nothing changed.</param>
    /// <returns>The current list: it holds every revocation that was stored before the call.</returns>
    public async Task<CrlRecord> Run(bool always, CancellationToken cancel)
    {
        // 0. What this replica served last is revoked, whatever the store says or whether it answers.
        if (published.Recall() is { } served)
            revocations.Listed(served);
        var taken = 0L;
        while (true)
        {
            // 1. Numbers first.
            await published.Look(cancel);
            var last = published.Newest;
            // 2. Then the revocations; of certificates that have expired none are needed any more. What an earlier list holds stays,
            // whatever became of its record.
            var now = clock.GetUtcNow();
            var ended = EndedBefore(last, now);
            var live = await Live(ended, cancel);
            var above = await parents.Newest(last?.Record.Pem ?? "", cancel);
            // 3. Nothing new, and not due?
            if (!always && published.Damaged is null && last is not null && Stands(last, live, above, now))
                return last.Record;
            // 4. Make it, and look at it again.
            var next = Make(Math.Max(last?.Record.Number ?? 0, taken) + 1, live, above, ended, now);
            // 5. The replica that creates the number has published; else begin again, behind it: it may be no list at all.
            if (await store.PutIfAbsent(ObjectKeys.Crl(next.Number), next, cancel) != PutOutcome.Stored)
            {
                taken = next.Number;
                continue;
            }
            // 6. Keep it; then it may be served.
            if (published.Damaged is { } damaged)
            {
                audit.Note(AuditAction.CrlDamaged.Record("", Caller.Own("crl"), damaged[ObjectKeys.Crls.Length..]));
            }
            published.Published(next);
            audit.Note(AuditAction.CrlPublished.Record("", Caller.Own("crl"), $"crl-{next.Number}")
                .Wrote(ObjectKeys.Crl(next.Number), next));
            return next;
        }
    }

    private async Task<List<RevocationRecord>> Live(DateTimeOffset ended, CancellationToken cancel)
    {
        var all = await revocations.All(cancel);
        var live = all.Where(r => r.CertificateNotAfter.ToDateTimeOffset() + CarriedRevocations.Grace > ended).ToList();
        foreach (var list in published.Earlier.ToList())
            live.AddRange(await carried.From(list, live, all, ended, cancel));
        published.Carried();
        if (published.Newest is { } newest)
            revocations.Listed(newest.Read.Serials);
        return live;
    }

    // Certificates that ended before this need no entry any more. A clock that is years ahead would end them all: so it follows the clock
    // only as fast as time passes in this process, from where the last list was.
    private DateTimeOffset EndedBefore(StandingCrl? last, DateTimeOffset now)
    {
        if (last is null)
            return DateTimeOffset.MinValue;
        var then = last.Record.EndedBefore?.ToDateTimeOffset() ?? CrlDocument.MadeAt(last.Record);
        var may = then + CatchUp * clock.GetElapsedTime(last.SeenAt);
        return may < now ? may : now;
    }

    private bool Stands(StandingCrl last, List<RevocationRecord> live, string above, DateTimeOffset now) =>
        Fresh(now - CrlDocument.MadeAt(last.Record)) && last.Record.Pem.EndsWith(above, StringComparison.Ordinal)
            && live.All(r => last.Read.Serials.Contains(SerialNumber.Recorded(r.Serial)));

    // A list from the future was made while some clock was ahead.
    private bool Fresh(TimeSpan age) => age < options.Crl.Refresh && age > TimeSpan.FromMinutes(-1);

    private CrlRecord Make(long number, List<RevocationRecord> live, string above, DateTimeOffset ended, DateTimeOffset now)
    {
        var seconds = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds());
        var (from, until) = (seconds - Backdate, seconds + options.Crl.NextUpdate);
        var der = CrlDocument.Build(live, number, from, until, signer);
        var read = CrlDocument.Read(der, signer.Ca);
        if (read.Number != number || !read.Serials.SetEquals(live.Select(r => SerialNumber.Recorded(r.Serial))))
            throw new CryptographicException("a CRL differs from its input");
        return new CrlRecord
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Number = number,
            Pem = CrlPem.Write(der) + above,
            ThisUpdate = from.ToTimestamp(),
            NextUpdate = until.ToTimestamp(),
            Entries = live.Count,
            MadeAt = seconds.AddSeconds(-1).ToTimestamp(),
            EndedBefore = ended == DateTimeOffset.MinValue ? null : ended.ToTimestamp(),
        };
    }
}
