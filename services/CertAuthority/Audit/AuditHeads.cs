using Overture.CertAuthority.Storage;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// The last head this replica wrote, kept in its state directory: written after the batch, so after a crash it may be behind, but the
/// store is never behind it unless it was cut.
/// </summary>
internal sealed class AuditHeads(StateDirectory state, ILogger<AuditHeads> log)
{
    public const string HeadFile = "audit.head";

    /// <summary>Null: none was written, or the state directory is another stream's or lost.</summary>
    public AuditHead? Kept(string stream)
    {
        try
        {
            return state.Read(HeadFile) is { } text && RecordJson.Read<AuditHead>(text) is var head && head.Stream == stream ? head : null;
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    public void Keep(AuditHead head)
    {
        try
        {
            state.Write(HeadFile, RecordJson.WriteText(head) + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.AuditHeadNotKept(log, head.Stream, e.Message);
        }
    }

    /// <summary>
    /// Where a stream goes on, and what is wrong with it. A sequence number that was written once is never written again: the attacker who
    /// cut the tail off would have it closed over by us.
    /// </summary>
    /// <param name="stored">The last batch in the store.</param>
    /// <param name="known">The furthest head that this replica, or another, remembers.</param>
    /// <param name="standing">The head of the stored batch whose sequence is <paramref name="known"/>'s; null where there is none.</param>
    public static (AuditHead From, string? Gap) GoOn(AuditHead stored, AuditHead? known, string? standing)
    {
        if (known is null)
            return (stored, null);
        if (known.Sequence > stored.Sequence)
        {
            return (known,
                $"batches {stored.Sequence + 1} to {known.Sequence} of stream {stored.Stream} were written once and are gone from the "
                    + "store");
        }
        if (standing != known.HeadSha256)
        {
            return (known.Sequence == stored.Sequence ? known : stored,
                $"batch {known.Sequence} of stream {stored.Stream} is not the one that was written");
        }
        return (stored, null);
    }
}
