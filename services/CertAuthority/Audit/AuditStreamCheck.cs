using System.Globalization;
using System.Security.Cryptography;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>Reads one stream from its beginning, batch by batch, and names everything that does not hold. No I/O.</summary>
/// <param name="stream">As signed: service/replica.</param>
/// <param name="keyOf">The key of an id, if the CA vouches for it as this stream's.</param>
/// <param name="report">Receives each problem.</param>
internal sealed class AuditStreamCheck(string stream, Func<string, ECDsa?> keyOf, Action<string> report)
{
    private readonly Dictionary<long, string> heads = [];
    // Null: the batch before is damaged or gone, so it is unknown.
    private string? previous = AuditChain.Origin;

    public string Stream => stream;
    public long Records { get; private set; }

    /// <summary>Of the last batch that was there, damaged or not.</summary>
    public long Last { get; private set; }

    public AuditHead Head => new() { Stream = stream, Sequence = Last, HeadSha256 = heads.GetValueOrDefault(Last, "") };

    /// <summary>The batch's last hash; null: there is none that can be read.</summary>
    public string? HeadOf(long sequence) => heads.GetValueOrDefault(sequence);

    /// <param name="name">The object's name below the stream: the sequence, 20 digits.</param>
    /// <returns>The batch if its signature holds.</returns>
    public AuditBatch? Read(string name, ReadOnlySpan<byte> body)
    {
        if (name.Length != 20 || !long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
            || sequence <= Last)
        {
            report($"{stream}/{name}: no batch has such a name");
            return null;
        }
        if (sequence > Last + 1)
        {
            report(sequence == Last + 2
                ? $"{stream}: batch {Last + 1} is missing"
                : $"{stream}: batches {Last + 1} to {sequence - 1} are missing");
            previous = null;
        }
        Last = sequence;
        var batch = Parsed(sequence, body);
        if (batch is null)
        {
            previous = null;
            return null;
        }
        Follow(batch, sequence);
        heads[sequence] = batch.HeadSha256;
        previous = batch.HeadSha256;
        return Signed(batch, sequence) ? batch : null;
    }

    private AuditBatch? Parsed(long sequence, ReadOnlySpan<byte> body)
    {
        try
        {
            var batch = RecordJson.Read<AuditBatch>(body);
            if (batch.Schema is 0 or > AuditChain.Schema)
            {
                Report(sequence, $"is of schema {batch.Schema}, which this version does not know");
                return null;
            }
            // What parsing forgives (white space, another spelling, a field too many) nothing of ours wrote.
            if (!RecordJson.Write(batch).AsSpan().SequenceEqual(body))
                Report(sequence, "is not as it was written");
            if (batch.Sequence != sequence)
                Report(sequence, $"claims to be batch {batch.Sequence}");
            if (batch.Schema == 1 && batch.Others.Count > 0)
                Report(sequence, "names heads that its signature does not cover");
            if (batch.Records.Count == 0)
                Report(sequence, "holds no record");
            return batch;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            Report(sequence, "does not parse: it is damaged or cut short");
            return null;
        }
    }

    private void Follow(AuditBatch batch, long sequence)
    {
        // Behind a batch that is gone or damaged, which is reported already, the first record says itself what it follows.
        var (before, dropped) = (previous, batch.Dropped.ToHashSet());
        for (var i = 0; i < batch.Records.Count; i++)
        {
            if (dropped.Contains(i) && AuditChain.DroppedHash(batch.Records[i]) is { } hash)
            {
                // What it followed is unknown now; what follows it names this very hash.
                before = hash;
                Records++;
                continue;
            }
            if (before is not null && !Follows(batch.Records[i], before))
            {
                Report(sequence,
                    $"record {i + 1} does not follow the one before it: one of them was altered, or something between them dropped, "
                        + "added or swapped");
            }
            before = AuditChain.Hash(batch.Records[i]);
            Records++;
        }
        if (batch.HeadSha256 != before)
        {
            Report(sequence,
                $"the last record ({batch.Records.Count}) is not the one that was signed: it was altered, or records after it were cut "
                    + "off");
        }
    }

    private bool Signed(AuditBatch batch, long sequence)
    {
        if (keyOf(batch.Kid) is not { } key)
        {
            Report(sequence, $"is signed with key {batch.Kid}, for which the CA does not vouch in this stream");
            return false;
        }
        if (!AuditChain.IsSigned(batch, stream, key))
        {
            Report(sequence, "its signature does not verify");
            return false;
        }
        if (batch.Dropped.Count == 0 || (keyOf(batch.DroppedKid) is { } dropper && AuditChain.IsDropSigned(batch, stream, dropper)))
            return true;
        Report(sequence, "records were taken out of it, and not by this stream's replica");
        return false;
    }

    private static bool Follows(string text, string previous)
    {
        try
        {
            return AuditChain.Follows(text, previous);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return false;
        }
    }

    private void Report(long sequence, string what) => report($"{stream} batch {sequence}: {what}");
}
