using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>Asks for an instance to be barred, or for that to be lifted; CertAuthority, which alone writes blocks, does it.</summary>
internal sealed class QuarantineInstance(InstanceRecordsReader reader, InstanceEventStore facts, InstanceTable table, Timeline timeline,
    Ids ids)
{
    public async Task<Instance> Run(string caller, QuarantineInstanceRequest request, CancellationToken cancel)
    {
        var name = CertName.Parse(request.Certname);
        if (request.Reason.Length is 0 or > 500 || request.Reason.Any(char.IsControl))
            throw FaultException.Invalid("reason", "must be 1-500 printable characters");
        var records = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        // 1. the fact, unless it exists
        var verb = request.Lift ? "released" : "quarantined";
        if ((records.Quarantine is not null) == request.Lift)
        {
            var fact = new InstanceFact
            {
                Event = $"{(request.Lift ? InstanceEvents.Released : InstanceEvents.Quarantined)}{ids.Ordered()}",
                Detail = $"{verb} by {caller}: {request.Reason}",
            };
            await facts.Write(name, fact, cancel);
            timeline.Add("conductor", name, fact.Event, fact.Detail, proof: ObjectKeys.Fact(name, fact.Event));
        }
        // 2. notify CertAuthority, which also polls
        timeline.Announce(name, verb);
        return await table.Refold(name, cancel) ?? throw Lookup.Unknown(name);
    }
}
