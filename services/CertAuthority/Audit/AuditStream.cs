using System.Globalization;
using Overture.CertAuthority.Issuance;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>This replica's own stream of batches: where it stands, and the next batch.</summary>
internal sealed class AuditStream(
    ObjectStore store, AuditKey key, CaSigner signer, OtherStreams others, AuditHeads heads, CertAuthorityOptions options, Ids ids, TimeProvider clock)
{
    /// <summary>It is signed with each batch.</summary>
    public string Name => $"{AuditLog.Service}/{options.Replica}";

    /// <summary>Of the last batch that was written.</summary>
    public AuditHead Head { get; private set; } = new();

    /// <summary>Finds the end of the stream and has the CA vouch for this replica's key.</summary>
    /// <returns>What of the stream is gone, or was altered; null: nothing that shows here.</returns>
    public async Task<string?> TakeUp(CancellationToken cancel)
    {
        await Vouch(cancel);
        await others.Seen(cancel);
        var stored = await Last(after: null, cancel) is var (head, _) ? head : HeadAt(0, AuditChain.Origin);
        var known = new[] { heads.Kept(Name), others.OfOurs() }.MaxBy(h => h?.Sequence ?? -1);
        var standing = known is null ? null : known.Sequence == stored.Sequence ? stored.HeadSha256 : await HeadOf(known.Sequence, cancel);
        (Head, var gap) = AuditHeads.GoOn(stored, known, standing);
        return gap;
    }

    /// <summary>Writes one batch behind the last.</summary>
    /// <returns>False: another process under this replica's name was there first; go on behind it.</returns>
    public async Task<bool> Append(IReadOnlyList<AuditRecord> records, string writeId)
    {
        var batch = AuditChain.Seal(records, Head.HeadSha256, Head.Sequence + 1, Name, writeId, key.Key, await others.Seen(CancellationToken.None));
        var outcome = await store.PutIfAbsent(KeyOf(batch.Sequence), batch, CancellationToken.None);
        if (outcome == PutOutcome.Stored)
        {
            Take(HeadAt(batch.Sequence, batch.HeadSha256));
            return true;
        }
        // An earlier try that did arrive, or somebody else's.
        if (await Last(KeyOf(Head.Sequence), CancellationToken.None) is not var (head, writtenBy))
            return false;
        Take(head);
        return writtenBy == writeId;
    }

    private void Take(AuditHead head)
    {
        Head = head;
        heads.Keep(head);
    }

    // The last batch and whose write it is. One that is damaged keeps its place; its head is nobody's, and verification tells.
    private async Task<(AuditHead Head, string WriteId)?> Last(string? after, CancellationToken cancel)
    {
        string? last = null;
        await foreach (var found in store.List(ObjectKeys.AuditOf(AuditLog.Service, options.Replica), after, cancel))
            last = found;
        if (last is null || !long.TryParse(last.AsSpan(last.LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
            return null;
        var batch = await Read(sequence, cancel);
        return (HeadAt(sequence, batch?.HeadSha256 ?? AuditChain.Origin), batch?.WriteId ?? "");
    }

    private async Task<string?> HeadOf(long sequence, CancellationToken cancel) => (await Read(sequence, cancel))?.HeadSha256;

    private async Task<AuditBatch?> Read(long sequence, CancellationToken cancel)
    {
        try
        {
            return await store.Get<AuditBatch>(KeyOf(sequence), cancel);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private async Task Vouch(CancellationToken cancel)
    {
        var path = ObjectKeys.AuditKey(LaunchKeyId.Of(key.Key));
        var voucher = AuditVoucher.For(Name, key.Key, signer, ids.Unguessable(), clock.GetUtcNow());
        if (await store.PutIfAbsent(path, voucher, cancel) == PutOutcome.Stored || await store.Get(path, cancel) is not { } standing)
            return;
        // Not ours: another CA key signed it, or it was tampered with. With ours, what this replica wrote can be believed again.
        if (!Vouches(standing.Body))
            await store.PutIfMatch(path, RecordJson.Write(voucher), standing.ETag, cancel);
    }

    private bool Vouches(byte[] body)
    {
        try
        {
            var record = RecordJson.Read<AuditKeyRecord>(body);
            using var vouched = AuditVoucher.Read(record, signer);
            return vouched is not null && record.Stream == Name && record.Kid == LaunchKeyId.Of(key.Key);
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private AuditHead HeadAt(long sequence, string sha256) => new() { Stream = Name, Sequence = sequence, HeadSha256 = sha256 };

    private string KeyOf(long sequence) => ObjectKeys.Audit(AuditLog.Service, options.Replica, sequence);
}
