using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// Bars a name for a while, on the Conductor's order: no certificate, no renewal, no classification. What it holds is not revoked, so it
/// can be lifted; no other block can.
/// </summary>
internal sealed class Quarantine(ObjectStore store, BlockStore blocks, AuditLog audit, Timeline timeline, Ids ids, TimeProvider clock)
{
    public const string Begins = InstanceEvents.Quarantined, Ends = InstanceEvents.Released;

    /// <param name="name">Whose.</param>
    /// <param name="event">The latest of its facts that begin so.</param>
    /// <param name="cancel">Stops between two steps.</param>
    public async Task Run(CertName name, string @event, CancellationToken cancel)
    {
        await Settle(name, @event, cancel);
        timeline.Add(AuditLog.Service, name, $"ca:{@event}", @event.StartsWith(Begins, StringComparison.Ordinal)
            ? "no certificate, renewal or classification from now on"
            : "the quarantine is lifted");
    }

    /// <summary>
    /// Makes the block be there, or not, as the fact demands. Also some time after <see cref="Run"/>: a write or a deletion of before,
    /// whose answer was lost, may have landed since, and would lift a quarantine or bring one back.
    /// </summary>
    public async Task Settle(CertName name, string @event, CancellationToken cancel)
    {
        var fact = await store.Get<InstanceFact>(ObjectKeys.Fact(name, @event), cancel);
        var by = Caller.Own("quarantine");
        var id = BlockKind.Quarantined.ToString().ToLowerInvariant();
        var sentence = fact?.Detail ?? "";
        if (@event.StartsWith(Begins, StringComparison.Ordinal))
        {
            var block = new Block
            {
                Schema = 1,
                WriteId = ids.Unguessable(),
                Certname = name.ToString(),
                Id = id,
                Kind = BlockKind.Quarantined,
                Sentence = sentence,
                By = by.Actor,
                At = clock.GetUtcNow().ToTimestamp(),
            };
            if (await blocks.Put(block, cancel) == PutOutcome.Stored)
                await Record(name, AuditAction.NameBlocked, DecisionOutcome.Block, sentence, by, block, cancel);
        }
        else if (await store.Get(ObjectKeys.Block(name, id), cancel) is not null)
        {
            // Recorded before it is done: an audit log that knows of a block demands one.
            await Record(name, AuditAction.NameReleased, DecisionOutcome.Lift, sentence, by, null, cancel);
            await store.Delete(ObjectKeys.Block(name, id), cancel);
        }
    }

    private ValueTask Record(
        CertName name, AuditAction action, DecisionOutcome outcome, string sentence, Caller by, Block? block, CancellationToken cancel)
    {
        var record = action.Record(name.ToString(), by, decision: outcome.Because(Reason.NameBlocked, sentence));
        return audit.Write(block is null ? record : record.Wrote(ObjectKeys.Block(name, block.Id), block), cancel);
    }
}
