using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>Writes the Conductor's durable facts: instances/&lt;certname&gt;/&lt;event&gt;, each once.</summary>
internal sealed class InstanceEventStore(ObjectStore store, Ids ids, TimeProvider clock)
{
    /// <summary>Conflict: the fact exists already, perhaps from an attempt whose answer was lost.</summary>
    public Task<PutOutcome> Write(CertName name, InstanceFact fact, CancellationToken cancel)
    {
        fact.Schema = 1;
        fact.WriteId = ids.Unguessable();
        fact.Certname = name.ToString();
        fact.At = clock.NowMs().ToTimestamp();
        return store.PutIfAbsent(ObjectKeys.Fact(name, fact.Event), fact, cancel);
    }

    public Task<InstanceFact?> Find(CertName name, string @event, CancellationToken cancel) =>
        store.Get<InstanceFact>(ObjectKeys.Fact(name, @event), cancel);
}
