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
internal sealed class StartInstance(LaunchLedger ledger, InstanceEventStore facts, InstanceRecordsReader reader, InstanceTable table,
    BeginTermination end, Timeline timeline, Ids ids, TimeProvider clock, ILogger<StartInstance> log) : IDisposable
{
    private const int MaxFailures = 10, AskedAtOnce = 5;
    private readonly SemaphoreSlim asking = new(AskedAtOnce, AskedAtOnce);

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
            || enrollment.Record.Account != provider.Account)
        {
            return new LaunchResult { Instance = instance };
        }

        if (clock.GetUtcNow() >= enrollment.Record.Deadline.ToDateTimeOffset())
        {
            return new LaunchResult { Instance = instance, Reason = Reason.TokenExpired.Code(),
                Detail = "its token expired before the provider was asked; launch again with a new request id" };
        }

        // 3. not the first attempt: it is announced, and not made once the instance is to end, for its end may have counted the attempts
        var id = enrollment.Fresh ? LaunchAttempts.First : await Announce(order.Name, provider, cancel);
        if (!enrollment.Fresh && id is not null
            && (instance = await Seen(order.Name, young: false, cancel)).State >= InstanceState.Terminating)
        {
            await Refused(order.Name, id, "the provider was not asked: it is being terminated", cancel);
            return new LaunchResult { Instance = instance };
        }

        // 4. the provider starts it, or finds that it did
        Started started;
        await asking.WaitAsync(cancel);
        try
        {
            using var span = FlowTelemetry.Step(FlowTelemetry.ProviderStart, enrollment.Record.Traceparent, enrollment.Record.Certname);
            CrashPoint.Reach("launch.indexed");
            started = await provider.Start(order.Name, order.Plan.Spec, enrollment.UserData, again: !enrollment.Fresh, cancel);
            CrashPoint.Reach("launch.started");
        }
        catch (ProviderException e)
        {
            InstanceMetrics.Launched(provider.Name, "refused");
            return await Failed(order.Name, id, e, cancel);
        }
        finally
        {
            asking.Release();
        }

        // 5. the fact
        await facts.Write(order.Name,
            new InstanceFact { Event = InstanceEvents.Launched, InstanceId = started.InstanceId, Pending = !started.Runs }, cancel);
        CrashPoint.Reach("launch.fact");
        Log.Started(log, order.Name, started.InstanceId, order.Caller, order.RequestId);
        timeline.Add("conductor", order.Name, InstanceEvents.Launched,
            $"the provider {(started.Runs ? "started" : "accepted")} it as {started.InstanceId}",
            proof: ObjectKeys.Fact(order.Name, InstanceEvents.Launched));

        InstanceMetrics.Launched(provider.Name, "started");

        // 6. terminated meanwhile: the saga may have passed the provider before there was anything to stop
        instance = await Seen(order.Name, enrollment.Fresh, cancel);
        CrashPoint.Reach("launch.answer");
        if (instance.State >= InstanceState.Terminating)
            await TryStop(provider, order.Name, started, cancel);
        return new LaunchResult { Instance = instance };
    }

    public void Dispose() => asking.Dispose();

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

    // Only where an answer before it could be taken for an answer to it, or where it may take a while until the provider lists it.
    private async Task<string?> Announce(CertName name, IProvider provider, CancellationToken cancel)
    {
        var records = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        if (provider.Settling == TimeSpan.Zero && !LaunchAttempts.Answered(records))
            return null;
        var id = LaunchAttempts.Next(records, ids);
        await facts.Write(name,
            new InstanceFact { Event = InstanceEvents.LaunchAttempt + id, Detail = "the provider is asked again" }, cancel);
        CrashPoint.Reach("launch.attempt");
        return id;
    }

    private async Task Refused(CertName name, string? attempt, string why, CancellationToken cancel)
    {
        if (attempt is not null)
            await facts.Write(name, new InstanceFact { Event = InstanceEvents.LaunchRefused + attempt, Detail = why }, cancel);
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
            await Refused(name, attempt, "the provider's answer: nothing was started", cancel);
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
