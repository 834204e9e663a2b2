using Overture.CertAuthority.Signing;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>How far a verification is; read while it runs.</summary>
internal sealed class AuditProgress
{
    public long Batches { get; set; }
    public long Records { get; set; }
}

/// <summary>What a verification found.</summary>
internal sealed record AuditVerdict(long Batches, long Records, IReadOnlyList<string> Problems, IReadOnlyList<AuditHead> Heads);

/// <summary>The act behind VerifyAudit: reads everything, changes nothing.</summary>
internal sealed class VerifyAudit(
    ObjectStore store, CaSigner signer, AuditLog audit, AuditStream own, InventoryCheck inventory, WrittenCheck written,
    RegistrationCheck registrations)
{
    private const int MaxProblems = 1000;

    /// <param name="expected">Heads that the caller kept elsewhere.</param>
    public async Task<AuditVerdict> Run(IReadOnlyCollection<AuditHead> expected, AuditProgress progress, CancellationToken cancel)
    {
        // 1. What waits here goes out first, so that nothing in flight looks as if it were missing. Keys are read after the list of
        // batches: a replica has its key vouched for before it writes any.
        await audit.Flushed(cancel);
        var batches = await AuditObjects.List(store, ObjectKeys.AuditStreams, null, cancel);
        using var keys = new AuditKeyring(store, signer);
        await keys.Refresh(cancel);
        var acts = new RecordedActs(keepObjects: true);
        var check = new AuditLogCheck(keys.Find, acts);
        foreach (var problem in keys.Problems)
            check.Add(problem);
        // 2. Every stream, from its first batch to its last.
        await foreach (var (key, body) in AuditObjects.Read(store, batches, cancel))
        {
            check.Read(key, body);
            (progress.Batches, progress.Records) = (check.Batches, check.Records);
        }
        // 3. The heads that were seen, and batches that came in between, of which those heads may be some.
        if (own.Head.Sequence > 0)
            check.Expect(own.Head.Clone(), $"replica {own.Name} itself");
        foreach (var head in expected)
            check.Expect(head, "the head kept elsewhere");
        await ReadTails(check, keys, cancel);
        check.Settle();
        // 4. The inventory: each certificate has its record, each record its certificate.
        await inventory.Run(acts, check.Add, cancel);
        // 5. What it wrote is as it was written, and what it rests on is there.
        await written.Run(acts, check.Add, cancel);
        await registrations.Run(check.Add, cancel);
        return new AuditVerdict(check.Batches, check.Records, Shortened(check.Problems), [.. check.Heads]);
    }

    private async Task ReadTails(AuditLogCheck check, AuditKeyring keys, CancellationToken cancel)
    {
        var tails = new List<string>();
        foreach (var (stream, last) in check.Positions)
        {
            var prefix = $"{ObjectKeys.AuditStreams}{stream}/";
            tails.AddRange(await AuditObjects.List(store, prefix, last == 0 ? null : $"{prefix}{last:D20}", cancel));
        }
        await keys.Refresh(cancel);
        await foreach (var (key, body) in AuditObjects.Read(store, tails, cancel))
            check.Read(key, body, links: false);
    }

    private static IReadOnlyList<string> Shortened(IReadOnlyList<string> problems) =>
        problems.Count <= MaxProblems ? problems : [.. problems.Take(MaxProblems), $"and {problems.Count - MaxProblems} more"];
}
