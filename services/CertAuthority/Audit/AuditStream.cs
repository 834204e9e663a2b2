using System.Globalization;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>This replica's own stream of batches: its position, and the next batch.</summary>
internal sealed class AuditStream(
    ObjectStore store, AuditKey key, CaSigner signer, PeerStreams others, AuditHeads heads, SpentNames spent, CertAuthorityOptions options,
    Ids ids, TimeProvider clock)
{
    private (string Key, string ETag) present = ("", "");

    /// <summary>It is signed with each batch.</summary>
    public string Name => $"{AuditLog.Service}/{options.Replica}";

    /// <summary>Of the last batch that was written.</summary>
    public AuditHead Head { get; private set; } = new();

    /// <summary>Finds the end of the stream and has the CA vouch for this replica's key.</summary>
    /// <returns>What of the stream is gone, or was altered; null: nothing that shows here.</returns>
    /// <exception cref="FaultException">AUDIT_BROKEN: all of it is gone, and this replica remembers that there was some.</exception>
    public async Task<string?> TakeUp(CancellationToken cancel)
    {
        if (heads.Kept(Name) is { } kept)
        {
            Head = kept;
            if (await Missing(cancel) is { } missing)
                throw new FaultException(FaultKind.Precondition, Reason.AuditBroken, missing);
        }
        await Vouch(cancel);
        await others.Seen(cancel);
        var stored = await Last(after: null, cancel) is var (head, _) ? head : HeadAt(0, AuditChain.Origin);
        var known = new[] { heads.Kept(Name), others.OfOurs() }.MaxBy(h => h?.Sequence ?? -1);
        var standing = known is null ? null : known.Sequence == stored.Sequence ? stored.HeadSha256 : await HeadOf(known.Sequence, cancel);
        (Head, var gap) = AuditHeads.GoOn(stored, known, standing);
        return gap;
    }

    /// <summary>
    /// Whether the whole stream is gone from the store: one that was emptied, or another. A tail that is cut off is an alarm, and no more.
    /// </summary>
    /// <returns>What is missing, with the next step; null: the last batch that this replica wrote is there, or at least an earlier
    /// one.</returns>
    /// <exception cref="FaultException">STORE_UNAVAILABLE</exception>
    public async Task<string?> Missing(CancellationToken cancel)
    {
        var head = Head;
        if (head.Sequence == 0)
            return null;
        var last = KeyOf(head.Sequence);
        var (unchanged, found) = await store.GetUnless(last, present.Key == last ? present.ETag : "", cancel);
        if (found is not null)
            present = (last, found.ETag);
        if (unchanged || found is not null)
            return null;
        await foreach (var first in store.List(ObjectKeys.AuditOf(AuditLog.Service, options.Replica), null, cancel))
        {
            if (string.CompareOrdinal(first, last) < 0)
                return null;
            break;
        }
        return $"the audit stream {Name} is gone from the object store, and this replica wrote {head.Sequence} batches of it: the store "
            + "was emptied, or is another. Next: bring the store back, or restore a backup of it; "
            + $"if the loss is meant, stop the service, remove {AuditHeads.HeadFile} in its state directory and start it";
    }

    /// <summary>Writes one batch behind the last.</summary>
    /// <returns>False: another process under this replica's name was there first; go on behind it.</returns>
    /// <exception cref="FaultException">STORE_UNAVAILABLE; or AUDIT_BROKEN: the stream is gone, and is not begun again.</exception>
    public async Task<bool> Append(IReadOnlyList<AuditRecord> records, string writeId)
    {
        if (await Missing(CancellationToken.None) is { } missing)
            throw new FaultException(FaultKind.Unavailable, Reason.AuditBroken, missing);
        // What these records spend stays spent, also after a power cut.
        spent.Sync();
        var batch =
            AuditChain.Seal(records, Head.HeadSha256, Head.Sequence + 1, Name, writeId, key.Key, await others.Seen(CancellationToken.None));
        var outcome = await store.PutIfAbsent(KeyOf(batch.Sequence), batch, CancellationToken.None);
        if (outcome == PutOutcome.Stored)
        {
            Take(HeadAt(batch.Sequence, batch.HeadSha256));
            return true;
        }
        // An earlier try that did arrive, or another process's.
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

    // The last batch and whose write it is. One that is damaged keeps its place; it has no head, and verification reports it.
    private async Task<(AuditHead Head, string WriteId)?> Last(string? after, CancellationToken cancel)
    {
        string? last = null;
        await foreach (var found in store.List(ObjectKeys.AuditOf(AuditLog.Service, options.Replica), after, cancel))
            last = found;
        if (last is null
            || !long.TryParse(last.AsSpan(last.LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
        {
            return null;
        }
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
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }

    private async Task Vouch(CancellationToken cancel)
    {
        var path = ObjectKeys.AuditKey(LaunchKeyId.Of(key.Key));
        var voucher = AuditKeyAttestation.For(Name, key.Key, signer, ids.Unguessable(), clock.GetUtcNow());
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
            using var vouched = AuditKeyAttestation.Read(record, signer);
            return vouched is not null && record.Stream == Name && record.Kid == LaunchKeyId.Of(key.Key);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return false;
        }
    }

    private AuditHead HeadAt(long sequence, string sha256) => new() { Stream = Name, Sequence = sequence, HeadSha256 = sha256 };

    private string KeyOf(long sequence) => ObjectKeys.Audit(AuditLog.Service, options.Replica, sequence);
}
