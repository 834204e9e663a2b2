using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;
using Timeline = Overture.Platform.Registry.Timeline;

namespace Overture.Conductor.Launch;

/// <summary>Starts one instance: recorded, started, recorded as started. Repeating it continues where it stopped.</summary>
internal sealed class StartInstance(LaunchLedger ledger, AskProvider ask, InstanceEventStore facts, InstanceRecordsReader reader,
    InstanceTable table, BeginTermination end, Timeline timeline, Ids ids, TimeProvider clock, ILogger<StartInstance> log)
{
    private const int MaxFailures = 10;

    /// <returns>With a reason, where the provider did not start it.</returns>
    /// <exception cref="FaultException">The store is away.</exception>
    /// <exception cref="InvalidDataException">A record of it is damaged or forged.</exception>
    public async Task<LaunchResult> Run(LaunchOrder order, CancellationToken cancel)
    {
        var provider = order.Provider ?? throw new InvalidOperationException($"{order.Name} is registered: its caller starts it");
        // 1. record it: node definition, then the signed record
        var enrollment = await ledger.Enroll(order, cancel);
        timeline.Add("conductor", order.Name, InstanceEvents.Requested, $"launch requested by {order.Caller}",
            proof: ObjectKeys.Launch(order.Name), at: enrollment.Record.NotBefore.ToDateTimeOffset());
        var instance = await Seen(order.Name, enrollment.Fresh, cancel);

        // 2. a repeated request: it runs already, or is gone again, or another Conductor's provider holds it
        if (instance.InstanceId.Length > 0 || instance.State >= InstanceState.Terminating
            || !ProviderSet.Holds(provider, provider.Name, enrollment.Record.Account, enrollment.Record.Region))
        {
            return new LaunchResult { Instance = instance };
        }

        if (clock.GetUtcNow() >= enrollment.Record.Deadline.ToDateTimeOffset())
        {
            return new LaunchResult { Instance = instance, Reason = Reason.TokenExpired.Code(),
                Detail = "its token expired before the provider was asked; launch again with a new request id" };
        }

        // 3. the provider starts it, or finds that it did
        var asked = await ask.Run(order, enrollment, cancel);
        if (asked is { Refusal: { } unknown, Waits: true })
            return await Waiting(order.Name, unknown, cancel);
        if (asked.Refusal is { } refusal)
        {
            InstanceMetrics.Launched(provider.Name, "refused");
            return await Failed(order.Name, asked.Attempt, refusal, cancel);
        }
        if (asked.Started is not { } started)
            return new LaunchResult { Instance = await Seen(order.Name, young: false, cancel) };

        // 4. the fact
        await facts.Write(order.Name,
            new InstanceFact { Event = InstanceEvents.Launched, InstanceId = started.InstanceId, Pending = !started.Runs,
                Detail = asked.Place, Image = started.Image }, cancel);
        CrashPoint.Reach("launch.fact");
        Log.Started(log, order.Name, started.InstanceId, order.Caller, order.RequestId);
        timeline.Add("conductor", order.Name, InstanceEvents.Launched,
            $"the provider {(started.Runs ? "started" : "accepted")} it as {started.InstanceId}"
                + (asked.Place.Length > 0 ? $" ({asked.Place})" : ""),
            proof: ObjectKeys.Fact(order.Name, InstanceEvents.Launched));

        InstanceMetrics.Launched(provider.Name, "started");

        // 5. terminated meanwhile: the saga may have passed the provider before there was anything to stop
        instance = await Seen(order.Name, enrollment.Fresh, cancel);
        CrashPoint.Reach("launch.answer");
        if (instance.State >= InstanceState.Terminating)
            await TryStop(provider, order.Name, started, cancel);
        return new LaunchResult { Instance = instance };
    }

    // What can't be stopped yet (a cloud that does not list it) is found by the reconciler, as a ghost.
    private async Task TryStop(IProvider provider, CertName name, Started started, CancellationToken cancel)
    {
        try
        {
            await provider.Stop(name, started.InstanceId, clock.GetUtcNow(), cancel);
        }
        catch (ProviderException e)
        {
            Log.TerminateWaits(log, name, e.Message);
        }
    }

    // No failure yet: the reconciler asks again.
    private async Task<LaunchResult> Waiting(CertName name, ProviderException e, CancellationToken cancel)
    {
        Log.LaunchFailed(log, name, e.Message);
        return new LaunchResult { Instance = await Seen(name, young: false, cancel), Reason = Reason.ProviderFailed.Code(),
            Detail = $"{e.Message}; it goes on by itself" };
    }

    private async Task<LaunchResult> Failed(CertName name, string? attempt, ProviderException e, CancellationToken cancel)
    {
        Log.LaunchFailed(log, name, e.Message);
        Activity.Current?.SetStatus(ActivityStatusCode.Error).SetTag(FlowTelemetry.ReasonTag, Reason.ProviderFailed.Code());
        var records = await reader.Read(name, cancel);
        var known = records?.LaunchFailure;
        if (records is null || known is null || IsNews(records, known, e))
        {
            var fact = new InstanceFact { Event = InstanceEvents.LaunchFailed, Detail = e.Message,
                Reason = Reason.ProviderFailed.Code(), Final = e.Final };
            // A fact is never changed: what a later try learned is one of its own, and counts.
            if (known is not null || await facts.Write(name, fact, cancel) == PutOutcome.Conflict)
            {
                fact.Event = $"{InstanceEvents.LaunchFailedAgain}{ids.Ordered()}";
                await facts.Write(name, fact, cancel);
            }
            timeline.Add("conductor", name, fact.Event, $"the provider did not start it: {e.Message}", Reason.ProviderFailed,
                ObjectKeys.Fact(name, fact.Event));
        }
        if (e.Means == NotStarted.Nothing)
            await ask.Refused(name, attempt, "the provider's answer: nothing was started", cancel);
        if (e.Means == NotStarted.Ended)
            await end.Run(name, $"ended outside Overture: {e.Message}", cancel, Reason.InstanceEnded);
        return new LaunchResult { Instance = await Seen(name, young: false, cancel),
            Reason = (e.Means == NotStarted.Ended ? Reason.InstanceEnded : Reason.ProviderFailed).Code(), Detail = e.Message };
    }

    // A cloud's messages may differ at each try and say the same: those are limited, another verdict is not.
    private static bool IsNews(InstanceRecords records, InstanceFact known, ProviderException e) =>
        known.Final != e.Final || (known.Detail != e.Message && records.LaunchFailures.Count() < MaxFailures);

    private async Task<Instance> Seen(CertName name, bool young, CancellationToken cancel) =>
        await table.Refold(name, cancel, young) ?? throw Lookup.Unknown(name);
}
