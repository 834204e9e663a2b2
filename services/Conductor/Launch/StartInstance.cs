using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Providers;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;
using Overture.Records.V1;
using EventLog = Overture.Platform.Registry.EventLog;

namespace Overture.Conductor.Launch;

/// <summary>One instance of a request.</summary>
/// <param name="Traceparent">Of the launch that is going on; the record keeps that of the first one.</param>
internal sealed record LaunchOrder(CertName Name, LaunchPlan Plan, string Caller, string RequestId, IProvider Provider, string Traceparent);

/// <summary>The act of starting one instance: written down, started, written down as started. Whoever repeats it finds how far it came.</summary>
internal sealed class StartInstance(LaunchLedger ledger, FactLog facts, StateKeeper keeper, EventLog events, TimeProvider clock, ILogger<StartInstance> log)
{
    /// <returns>With a reason, where the provider did not start it.</returns>
    /// <exception cref="FaultException">The store is away.</exception>
    /// <exception cref="InvalidDataException">A record of it is damaged or forged.</exception>
    public async Task<LaunchResult> Run(LaunchOrder order, CancellationToken cancel)
    {
        // 1. write it down: node definition, then the signed record
        var enrolment = await ledger.Enrol(order.Name, order.Plan, order.Caller, order.RequestId, order.Provider, order.Traceparent, cancel);
        await events.Write("conductor", order.Name, "requested", $"launch requested by {order.Caller}", proof: ObjectKeys.Launch(order.Name), at: enrolment.Record.NotBefore.ToDateTimeOffset());
        var instance = await Seen(order.Name, enrolment.Fresh, cancel);

        // 2. a repeated request: it runs already, or is gone again, or another Conductor's provider holds it
        if (instance.InstanceId.Length > 0 || instance.State >= InstanceState.Terminating || enrolment.Record.Account != order.Provider.Account)
            return new LaunchResult { Instance = instance };
        if (clock.GetUtcNow() >= enrolment.Record.Deadline.ToDateTimeOffset())
            return new LaunchResult { Instance = instance, Reason = Reason.TokenExpired.Code(), Detail = "its token expired before the provider was asked; launch again with a new request id" };

        // 3. the provider starts it, or finds that it did
        Started started;
        try
        {
            using var span = FlowTelemetry.Step(FlowTelemetry.ProviderStart, enrolment.Record.Traceparent, enrolment.Record.Certname);
            CrashPoint.Reach("launch.indexed");
            started = await order.Provider.Start(order.Name, order.Plan.Spec, enrolment.UserData, again: !enrolment.Fresh, cancel);
            CrashPoint.Reach("launch.started");
        }
        catch (ProviderException e)
        {
            return await Failed(order.Name, e.Message, cancel);
        }

        // 4. the fact
        await facts.Write(order.Name, new InstanceFact { Event = FactLog.Launched, InstanceId = started.InstanceId, Pending = !started.Runs }, cancel);
        CrashPoint.Reach("launch.fact");
        Log.Started(log, order.Name, started.InstanceId, order.Caller, order.RequestId);
        await events.Write("conductor", order.Name, FactLog.Launched, $"the provider {(started.Runs ? "started" : "accepted")} it as {started.InstanceId}", proof: ObjectKeys.Fact(order.Name, FactLog.Launched));

        // 5. terminated meanwhile: the saga may have passed the provider before there was anything to stop
        instance = await Seen(order.Name, enrolment.Fresh, cancel);
        CrashPoint.Reach("launch.answer");
        if (instance.State >= InstanceState.Terminating)
            await TryStop(order, started, cancel);
        return new LaunchResult { Instance = instance };
    }

    // What can't be stopped yet (a cloud that does not list it) is found by the reconciler, as a ghost.
    private async Task TryStop(LaunchOrder order, Started started, CancellationToken cancel)
    {
        try
        {
            await order.Provider.Stop(order.Name, started.InstanceId, clock.GetUtcNow(), cancel);
        }
        catch (ProviderException e)
        {
            Log.TerminateWaits(log, order.Name, e.Message);
        }
    }

    private async Task<LaunchResult> Failed(CertName name, string why, CancellationToken cancel)
    {
        Log.LaunchFailed(log, name, why);
        Activity.Current?.SetStatus(ActivityStatusCode.Error).SetTag(FlowTelemetry.ReasonTag, Reason.ProviderFailed.Code());
        await facts.Write(name, new InstanceFact { Event = FactLog.LaunchFailed, Detail = why, Reason = Reason.ProviderFailed.Code() }, cancel);
        await events.Write("conductor", name, FactLog.LaunchFailed, $"the provider did not start it: {why}", Reason.ProviderFailed, ObjectKeys.Fact(name, FactLog.LaunchFailed));
        return new LaunchResult { Instance = await Seen(name, young: false, cancel), Reason = Reason.ProviderFailed.Code(), Detail = why };
    }

    private async Task<Instance> Seen(CertName name, bool young, CancellationToken cancel) => await keeper.Refold(name, cancel, young) ?? throw Lookup.Unknown(name);
}
