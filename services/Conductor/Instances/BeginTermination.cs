using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>
/// Writes the intent to terminate an instance. From then on it gets nothing more, is not asked for any more, and the sweep of
/// terminations finishes it.
/// </summary>
internal sealed class BeginTermination(InstanceEventStore facts, Timeline timeline, InstanceTable table)
{
    /// <param name="name">Whose; a second time nothing changes.</param>
    /// <param name="detail">Who or what ends it, and why; for users.</param>
    /// <param name="cancel">Gives up; it may have been written.</param>
    /// <param name="reason">INSTANCE_ENDED: the provider says that it is over.</param>
    public async Task Run(CertName name, string detail, CancellationToken cancel, Reason reason = Reason.None)
    {
        await facts.Write(name, new InstanceFact { Event = InstanceEvents.Terminating, Detail = detail, Reason = reason.Code() }, cancel);
        CrashPoint.Reach("terminate.intent");
        timeline.Add("conductor", name, InstanceEvents.Terminating, detail, reason,
            ObjectKeys.Fact(name, InstanceEvents.Terminating));
        timeline.Announce(name, InstanceEvents.Terminating);
        await table.Refold(name, cancel);
    }
}
