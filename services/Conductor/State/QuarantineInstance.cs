using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.State;

/// <summary>Asks for an instance to be barred, or for that to be lifted; CertAuthority, which alone writes blocks, does it.</summary>
internal sealed class QuarantineInstance(EvidenceReader reader, FactLog facts, StateKeeper keeper, EventLog events, Ids ids)
{
    public async Task<Instance> Run(string caller, QuarantineInstanceRequest request, CancellationToken cancel)
    {
        var name = CertName.Parse(request.Certname);
        if (request.Reason.Length is 0 or > 500 || request.Reason.Any(char.IsControl))
            throw FaultException.Invalid("reason", "must be 1-500 printable characters");
        var evidence = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        // 1. the fact, unless it stands
        var word = request.Lift ? "released" : "quarantined";
        if (evidence.Quarantined == request.Lift)
        {
            var fact = new InstanceFact { Event = $"{(request.Lift ? FactLog.Released : FactLog.Quarantined)}{ids.Ordered()}", Detail = $"{word} by {caller}: {request.Reason}" };
            await facts.Write(name, fact, cancel);
            await events.Write("conductor", name, fact.Event, fact.Detail, proof: ObjectKeys.Fact(name, fact.Event));
        }
        // 2. a word to CertAuthority, which also looks for itself
        await events.Announce(name, word);
        return await keeper.Refold(name, cancel) ?? throw Lookup.Unknown(name);
    }
}
