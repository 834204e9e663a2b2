using Overture.CertAuthority.Signing;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// The ends of the other replicas' streams, as seen lately: they go into our batches, so that a tail that is cut off there shows here.
/// Only what a vouched key signed counts, else a writer of the bucket could make us swear to batches that never were.
/// </summary>
internal sealed class PeerStreams(ObjectStore store, CaSigner signer, CertAuthorityOptions options, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private readonly AuditKeyring keys = new(store, signer);
    private readonly SortedDictionary<string, AuditBatch> last = new(StringComparer.Ordinal);
    private long looked;

    private string Own => $"{AuditLog.Service}/{options.Replica}";

    /// <summary>Looks again if it is time; when the store does not answer, what was seen before.</summary>
    public async Task<IReadOnlyList<AuditHead>> Seen(CancellationToken cancel)
    {
        if (looked == 0 || clock.GetElapsedTime(looked) > LookEvery)
        {
            try
            {
                await Look(cancel);
            }
            catch (FaultException)
            {
                // The writer of the batch sees it too.
            }
            looked = clock.GetTimestamp();
        }
        return [.. last.Select(s => new AuditHead { Stream = s.Key, Sequence = s.Value.Sequence, HeadSha256 = s.Value.HeadSha256 })];
    }

    /// <summary>How far the others saw our own stream; null: they did not.</summary>
    public AuditHead? OfOurs() =>
        last.Values.SelectMany(b => b.Others).Where(h => h.Stream == Own).MaxBy(h => h.Sequence);

    public void Dispose() => keys.Dispose();

    private async Task Look(CancellationToken cancel)
    {
        await keys.Refresh(cancel);
        foreach (var stream in keys.Streams.Where(s => s != Own).ToList())
        {
            var prefix = $"{ObjectKeys.AuditStreams}{stream}/";
            var after = last.TryGetValue(stream, out var before) ? $"{prefix}{before.Sequence:D20}" : null;
            string? newest = null;
            await foreach (var key in store.List(prefix, after, cancel))
                newest = key;
            if (newest is not null && await Signed(newest, stream, cancel) is { } batch)
                last[stream] = batch;
        }
    }

    private async Task<AuditBatch?> Signed(string key, string stream, CancellationToken cancel)
    {
        try
        {
            return await store.Get<AuditBatch>(key, cancel) is { } batch && keys.Find(batch.Kid, stream) is { } signedBy
                && AuditChain.IsSigned(batch, stream, signedBy)
                ? batch : null;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }
}
