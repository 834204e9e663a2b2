using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>
/// Changes what may be changed of an instance: its protection, and when it ends. Each change is a fact, the latest counts.
/// </summary>
internal sealed class UpdateInstance(InstanceRecordsReader reader, InstanceEventStore facts, InstanceTable table, Timeline timeline,
    Ids ids,
    TimeProvider clock)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(10), Longest = TimeSpan.FromDays(366);
    private readonly KeyedLock oneAtATime = new();

    public async Task<Instance> Run(string caller, UpdateInstanceRequest request, CancellationToken cancel)
    {
        var name = CertName.Parse(request.Certname);
        if (request.Ttl?.ToTimeSpan() is { } ttl && ttl != TimeSpan.Zero && (ttl < Shortest || ttl > Longest))
            throw FaultException.Invalid("ttl", "must be 10 minutes to 366 days, or 0 for never");
        using var alone = await oneAtATime.Enter(name, cancel);
        var records = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        if (records.Fact(InstanceEvents.Terminating) is not null)
            throw new FaultException(FaultKind.Precondition, Reason.InstanceEnded, $"{name} is terminated, or about to be; launch another");
        var fact = new InstanceFact
        {
            Event = $"{InstanceEvents.Updated}{ids.Ordered()}",
            Protected = request.HasProtected ? request.Protected : records.Protected,
            Expires = request.Ttl is null ? records.Expires?.ToTimestamp() : request.Ttl.ToTimeSpan() == TimeSpan.Zero ? null
                : (clock.NowMs() + request.Ttl.ToTimeSpan()).ToTimestamp(),
        };
        fact.Detail = $"{(fact.Protected ? "protected" : "not protected")}, "
            + $"{(fact.Expires is null ? "no end" : $"ends at {fact.Expires.ToDateTimeOffset():yyyy-MM-dd'T'HH:mm:ss'Z'}")}, by {caller}";
        await facts.Write(name, fact, cancel);
        timeline.Add("conductor", name, fact.Event, fact.Detail, proof: ObjectKeys.Fact(name, fact.Event));
        return await table.Refold(name, cancel) ?? throw Lookup.Unknown(name);
    }
}
