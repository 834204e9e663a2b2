using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>
/// Bars a name for a while, at the Conductor's word: no certificate, no renewal, no classification. What it holds is not revoked, so it can be
/// lifted; no other block can.
/// </summary>
internal sealed class Quarantine(ObjectStore store, BlockStore blocks, AuditLog audit, EventLog events, Ids ids, TimeProvider clock)
{
    public const string Begins = "quarantined-", Ends = "released-";

    /// <param name="name">Whose.</param>
    /// <param name="event">The latest of its facts that begin so.</param>
    /// <param name="cancel">Stops between two steps.</param>
    public async Task Run(CertName name, string @event, CancellationToken cancel)
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
                await Tell(name, "name.blocked", "block", sentence, by, cancel);
        }
        else if (await store.Get(ObjectKeys.Block(name, id), cancel) is not null)
        {
            // Told before it is done: an audit log that knows of a block demands one.
            await Tell(name, "name.released", "lift", sentence, by, cancel);
            await store.Delete(ObjectKeys.Block(name, id), cancel);
        }
        await events.Write(AuditLog.Service, name, $"ca:{@event}", @event.StartsWith(Begins, StringComparison.Ordinal) ? "no certificate, renewal or classification from now on" : "the quarantine is lifted");
    }

    private ValueTask Tell(CertName name, string action, string outcome, string sentence, Caller by, CancellationToken cancel) =>
        audit.Write(action, "allow", name.ToString(), by, decision: new Decision { Outcome = outcome, Reason = Reason.NameBlocked.Code(), Sentence = sentence }, cancel: cancel);
}
