using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.State;
using Overture.Conductor.Terminate;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Reconcile;

/// <summary>Mends one discrepancy. What it was found by may be a minute old, so each act looks for itself first; each may be repeated.</summary>
internal sealed class Mender(ObjectStore store, EvidenceReader reader, FactLog facts, TerminateSaga saga, RetryInstance retry, StateKeeper keeper, EventLog events)
{
    internal const string Caller = "reconcile";

    /// <returns>Null: done. Else why it was left alone.</returns>
    public Task<string?> Mend(IProvider provider, Discrepancy found, CancellationToken cancel) => found.CertName is not { } name
        ? Task.FromResult<string?>("its mark is no certname")
        : found.Mend switch
        {
            Reconcile.Mend.Terminate => Gone(provider, name, found, cancel),
            Reconcile.Mend.Stop => Surplus(provider, name, found, cancel),
            Reconcile.Mend.Adopt => Adopt(provider, name, found, cancel),
            Reconcile.Mend.AskAgain => retry.Ask(name, cancel),
            _ => Remind(name),
        };

    private async Task<string?> Gone(IProvider provider, CertName name, Discrepancy found, CancellationToken cancel)
    {
        // 1. it is gone indeed
        var evidence = await reader.Read(name, cancel);
        if (evidence is null || evidence.Protected || evidence.Fact(FactLog.Terminating) is not null)
            return "it changed meanwhile";
        if (!(await provider.Look(name, evidence.Fact(FactLog.Launched)?.InstanceId ?? "", cancel)).IsGone)
            return "it is there, though not by its mark: put that on again";
        // 2. the same end as by terminate
        await saga.Begin(name, Caller, found.Detail, cancel);
        await saga.Advance(name, cancel);
        return null;
    }

    private async Task<string?> Surplus(IProvider provider, CertName name, Discrepancy found, CancellationToken cancel)
    {
        // An orphan whose record came after all, or a ghost's whose record did not end.
        if (await store.Get(ObjectKeys.Launch(name), cancel) is not null && (await reader.Read(name, cancel))?.Fact(FactLog.Terminated) is null)
            return "it has a record now";
        await provider.Stop(name, found.InstanceId, default, cancel);
        return null;
    }

    private async Task<string?> Adopt(IProvider provider, CertName name, Discrepancy found, CancellationToken cancel)
    {
        var seen = await provider.Look(name, found.InstanceId, cancel);
        if (seen.IsGone)
            return "it is gone again";
        await facts.Write(name, new InstanceFact { Event = FactLog.Launched, InstanceId = seen.InstanceId, Pending = seen.State != Sighting.Running }, cancel);
        await events.Write("conductor", name, FactLog.Launched, $"found at the provider as {seen.InstanceId}", proof: ObjectKeys.Fact(name, FactLog.Launched));
        await keeper.Refold(name, cancel);
        return null;
    }

    private async Task<string?> Remind(CertName name)
    {
        await events.Announce(name, FactLog.Terminating);
        return null;
    }
}
