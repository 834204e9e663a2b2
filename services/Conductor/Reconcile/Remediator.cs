using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Retry;
using Overture.Conductor.Terminate;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Reconcile;

/// <summary>Repairs one discrepancy. The finding may be a minute old, so each action checks again first; each may be repeated.</summary>
internal sealed class Remediator(ObjectStore store, InstanceRecordsReader reader, InstanceEventStore facts, TerminateSaga saga,
    RetryInstance retry, InstanceTable table, Timeline timeline)
{
    internal const string Caller = "reconcile";

    /// <returns>Null: done. Else why it was left alone.</returns>
    public Task<string?> Remediate(IProvider provider, Discrepancy found, CancellationToken cancel) => found.CertName is not { } name
        ? Task.FromResult<string?>("its mark is not a certname")
        : found.Remedy switch
        {
            Reconcile.Remedy.Terminate => Gone(provider, name, found, cancel),
            Reconcile.Remedy.Stop => Surplus(provider, name, found, cancel),
            Reconcile.Remedy.Adopt => Adopt(provider, name, found, cancel),
            Reconcile.Remedy.AskAgain => retry.Ask(name, cancel),
            _ => Remind(name),
        };

    private async Task<string?> Gone(IProvider provider, CertName name, Discrepancy found, CancellationToken cancel)
    {
        // 1. it is gone indeed
        var records = await reader.Read(name, cancel);
        if (records is null || records.Protected || records.Fact(InstanceEvents.Terminating) is not null)
            return "it changed meanwhile";
        if (!(await provider.Look(name, records.Fact(InstanceEvents.Launched)?.InstanceId ?? "", cancel)).IsGone)
            return "it exists, but without its mark: restore the mark";
        // 2. the same end as by terminate
        await saga.Begin(name, Caller, found.Detail, cancel);
        await saga.Advance(name, cancel);
        return null;
    }

    private async Task<string?> Surplus(IProvider provider, CertName name, Discrepancy found, CancellationToken cancel)
    {
        // An orphan whose record came after all, or a ghost's whose record did not end.
        if (await store.Get(ObjectKeys.Launch(name), cancel) is not null
            && (await reader.Read(name, cancel))?.Fact(InstanceEvents.Terminated) is null)
        {
            return "it has a record now";
        }

        await provider.Stop(name, found.InstanceId, default, cancel);
        return null;
    }

    private async Task<string?> Adopt(IProvider provider, CertName name, Discrepancy found, CancellationToken cancel)
    {
        var seen = await provider.Look(name, found.InstanceId, cancel);
        if (seen.IsGone)
            return "it is gone again";
        await facts.Write(name,
            new InstanceFact { Event = InstanceEvents.Launched, InstanceId = seen.InstanceId,
                Pending = seen.State != Sighting.Running }, cancel);
        timeline.Add("conductor", name, InstanceEvents.Launched, $"found at the provider as {seen.InstanceId}",
            proof: ObjectKeys.Fact(name, InstanceEvents.Launched));
        await table.Refold(name, cancel);
        return null;
    }

    private async Task<string?> Remind(CertName name)
    {
        timeline.Announce(name, InstanceEvents.Terminating);
        return null;
    }
}
