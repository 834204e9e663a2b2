using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Import;

/// <summary>
/// At start, before anything listens: takes what `overture ca import` left into the store. Every write is put-if-absent and the last one
/// says that all is there, so it may be killed anywhere, and two replicas may do it at once.
/// </summary>
internal sealed class FoldImported(ObjectStore store, ClaimStore claims, UnclaimedCertificates unclaimed, CaSigner signer, AuditLog audit,
    CertAuthorityOptions options, Ids ids, TimeProvider clock, ILogger<FoldImported> log) : IHostedService
{
    private static readonly TimeSpan LogEvery = TimeSpan.FromSeconds(2);

    // The store waits for its disk or its network, not for us.
    private static readonly int AtOnce = 16;

    private readonly Lock gate = new();
    private long loggedAt;
    private int done, all;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // 1. Something to do, and not done before?
        var marker = ObjectKeys.Imported(Convert.ToHexStringLower(signer.Ca.KeyId.Span));
        if (!Directory.Exists(ImportedCa.PathIn(options.CaDirectory))
            || await store.Get<ImportDone>(marker, cancellationToken) is { Skipped.Count: 0 })
        {
            return;
        }
        var plan = ImportPlan.Of(ImportedCa.Read(options.CaDirectory, signer.Ca), signer.Ca, options.Replica, ids, clock.GetUtcNow());
        // An import of before left names out that are no certnames; to take them in late changes nothing else.
        if (await store.Get(marker, cancellationToken) is not null)
        {
            await Each(plan.Unclaimed, unclaimed.Put, cancellationToken);
            return;
        }
        Begin(plan);
        // 2. Revocations first: there is no moment at which a revoked certificate looks good.
        await Each(plan.Revocations, (r, cancel) => store.PutIfAbsent(ObjectKeys.Revocation(r.Serial), r, cancel), cancellationToken);
        // 3. The list they came from: numbers go on from its own.
        if (plan.Crl is { } list)
            await store.PutIfAbsent(ObjectKeys.Crl(list.Number), list, cancellationToken);
        // 4. Claims, then certificates, then keys.
        await Each(plan.Older, claims.Put, cancellationToken);
        await Each(plan.Current, Fold, cancellationToken);
        await Each(plan.Unclaimed, unclaimed.Put, cancellationToken);
        // 5. Record it.
        await RecordImport(plan, cancellationToken);
        // 6. Done; later starts pass it by.
        await store.PutIfAbsent(marker, Done(plan), cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task Fold((Claim Claim, CertificateRecord Record) signed, CancellationToken cancel)
    {
        await claims.Put(signed.Claim, cancel);
        await claims.Put(signed.Record, cancel);
        // One name a key holds for new requests; that the old CA let two names share one can't be helped now.
        await claims.BindKey(SpkiHash.Recorded(signed.Claim.SpkiSha256), CertName.Parse(signed.Claim.Certname), cancel);
    }

    private async Task Each<T>(IReadOnlyList<T> items, Func<T, CancellationToken, Task> put, CancellationToken stopping) =>
        await Parallel.ForEachAsync(
            items, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stopping }, async (item, cancel) =>
        {
            await put(item, cancel);
            Step();
        });

    private void Begin(ImportPlan plan)
    {
        foreach (var odd in plan.Unclaimed)
            ImportLog.NoCertname(log, odd.Certname, odd.Serial);
        (done, all, loggedAt) =
            (0, plan.Revocations.Count + plan.Older.Count + plan.Current.Count + plan.Unclaimed.Count, clock.GetTimestamp());
        ImportLog.Begun(log, plan.Current.Count, plan.Older.Count, plan.Revocations.Count);
    }

    private void Step()
    {
        lock (gate)
        {
            done++;
            if (clock.GetElapsedTime(loggedAt) < LogEvery)
                return;
            loggedAt = clock.GetTimestamp();
            ImportLog.GoesOn(log, done, all);
        }
    }

    private async Task RecordImport(ImportPlan plan, CancellationToken cancel)
    {
        var sentence =
            $"{plan.Current.Count} certificates, {plan.Older.Count} older ones and {plan.Revocations.Count} revocations moved in; "
                + $"{plan.Unclaimed.Count} more under names that are no certnames here";
        await audit.Write(AuditAction.CaImported, "", Caller.Own("import"),
            decision: DecisionOutcome.Sign.Because(Reason.Imported, sentence), cancel: cancel);
        ImportLog.Ended(log, plan.Current.Count, plan.Older.Count, plan.Revocations.Count, plan.Unclaimed.Count);
    }

    private ImportDone Done(ImportPlan plan) => new()
    {
        Schema = 1,
        WriteId = ids.Unguessable(),
        KeyId = Convert.ToHexStringLower(signer.Ca.KeyId.Span),
        Certificates = plan.Current.Count,
        Older = plan.Older.Count,
        Revocations = plan.Revocations.Count,
        HighestSerial = plan.HighestSerial,
        Skipped = { plan.Unclaimed.Select(c => c.Certname).Distinct(StringComparer.Ordinal) },
        At = clock.GetUtcNow().ToTimestamp(),
    };
}
