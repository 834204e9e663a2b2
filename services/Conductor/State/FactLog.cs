using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.State;

/// <summary>Writes the Conductor's durable facts: instances/&lt;certname&gt;/&lt;event&gt;, each once.</summary>
internal sealed class FactLog(ObjectStore store, Ids ids, TimeProvider clock)
{
    public const string Launched = "launched", Running = "running", Converged = "converged", Terminating = "terminating", Terminated = "terminated";
    public const string LaunchFailed = "launch-failed", RunFailed = "run-failed-", Updated = "updated-", Quarantined = "quarantined-", Released = "released-";

    /// <summary>Conflict: the fact stands already, perhaps from an attempt that lost its answer.</summary>
    public Task<PutOutcome> Write(CertName name, InstanceFact fact, CancellationToken cancel)
    {
        fact.Schema = 1;
        fact.WriteId = ids.Unguessable();
        fact.Certname = name.ToString();
        fact.At = clock.NowMs().ToTimestamp();
        return store.PutIfAbsent(ObjectKeys.Fact(name, fact.Event), fact, cancel);
    }

    public Task<InstanceFact?> Find(CertName name, string @event, CancellationToken cancel) => store.Get<InstanceFact>(ObjectKeys.Fact(name, @event), cancel);
}
