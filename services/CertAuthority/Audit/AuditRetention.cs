using System.Collections.Frozen;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Once an hour: takes the records of refused requests that are older than <see cref="AuditOptions.KeepRefusals"/> out of this replica's
/// own batches. What was issued, revoked or blocked stays forever, since the store is compared with it. Killed anywhere, it goes on where
/// it was: a batch is replaced whole, by a version that verifies like the one before.
/// </summary>
internal sealed class AuditRetention(
    ObjectStore store, AuditStream stream, AuditKey key, StateDirectory state, CertAuthorityOptions options, TimeProvider clock,
    ILogger<AuditRetention> log) : PeriodicWorker(TimeSpan.FromHours(1), clock)
{
    private const string DoneFile = "audit.dropped";

    private static readonly FrozenSet<string> Refusals = AuditAction.Refusals.Select(a => a.Name).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Takes out what is older, batch by batch.</summary>
    /// <returns>How many batches were changed.</returns>
    public async Task<int> Run(DateTimeOffset olderThan, CancellationToken cancel)
    {
        var prefix = ObjectKeys.AuditOf(AuditLog.Service, options.Replica);
        var changed = 0;
        // The last batch stays as it is: a head that others have just seen is not touched while they look.
        foreach (var path in (await AuditObjects.List(store, prefix, Done(prefix), cancel)).SkipLast(1))
        {
            if (await store.Get(path, cancel) is not { } found || Parsed(found.Body) is not { } batch)
                continue; // for verification to report
            if (Newest(batch) is { } newest && newest >= olderThan)
                break;
            if (AuditChain.Drop(batch, r => Refusals.Contains(r.Action), stream.Name, key.Key))
            {
                if (await store.PutIfMatch(path, RecordJson.Write(batch), found.ETag, cancel) != PutOutcome.Stored)
                    break;
                changed++;
            }
            state.Write(DoneFile, path + "\n");
        }
        return changed;
    }

    protected override async Task Turn(CancellationToken cancel)
    {
        if (options.Audit.KeepRefusals > TimeSpan.Zero)
            await Run(Clock.GetUtcNow() - options.Audit.KeepRefusals, cancel);
    }

    protected override bool IsExpected(Exception e) => e is FaultException or IOException or UnauthorizedAccessException;

    protected override void Failed(Exception e) => Log.SweepFailed(log, "old audit records", e.Message);

    // Of this stream; the state directory may have been another replica's.
    private string? Done(string prefix) =>
        state.Read(DoneFile)?.Trim() is { } path && path.StartsWith(prefix, StringComparison.Ordinal) ? path : null;

    // Null: all of it was taken out before, or it can't be said.
    private static DateTimeOffset? Newest(AuditBatch batch) =>
        batch.Records.Where((_, place) => !batch.Dropped.Contains(place)).Select(RecordJson.Read<AuditRecord>)
            .Max(r => r.At?.ToDateTimeOffset());

    private static AuditBatch? Parsed(byte[] body)
    {
        try
        {
            var batch = RecordJson.Read<AuditBatch>(body);
            _ = Newest(batch);
            return batch;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }
}
