using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Profiles;
using Overture.Conductor.Providers;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;
using EventLog = Overture.Platform.Registry.EventLog;

namespace Overture.Conductor.Launch;

/// <summary>
/// The act of launching, written ahead (design §5): whatever is killed between two steps, the same request again finishes it, with the same
/// names, the same user data and no second instance.
/// </summary>
internal sealed class LaunchInstances(
    LaunchLedger ledger, ProfileStore profiles, FactLog facts, ProviderSet providers, StateKeeper keeper, EventLog events, ObjectStore store, Ids ids,
    TimeProvider clock, IHostApplicationLifetime lifetime, ILogger<LaunchInstances> log) : IDisposable
{
    private const int MostInstances = 100;
    private readonly SemaphoreSlim starting = new(5, 5);

    public async Task<LaunchInstancesResponse> Run(string caller, LaunchInstancesRequest request, CancellationToken cancel)
    {
        // 1. the request is sound, and this host can do it
        var count = request.Count == 0 ? 1 : request.Count;
        var spec = await profiles.SpecOf(request.Spec, request.Profile, cancel);
        var (plan, requestId) = Check(request, spec, count);
        var provider = providers.Find(plan.Spec.Provider)!; // the plan names a known one
        if (await provider.Unfit(cancel) is { } unfit)
            throw new FaultException(FaultKind.Precondition, Reason.ProviderUnfit, unfit);
        ledger.CheckSize(plan, requestId, provider);

        // 2. the names are fixed; from here on the launch goes on though the caller may hang up
        using var span = FlowTelemetry.Source.StartActivity(FlowTelemetry.Launch);
        // A profile may be edited between two tries; what was asked for is the profile.
        var body = request.Profile.Length > 0 ? RequestBody.Hash($"launch profile {request.Profile}", new LaunchSpec(), count) : RequestBody.Hash("launch", spec, count);
        var names = await ledger.Open(caller, requestId, body, count, cancel);

        // 3. each instance by itself
        var traceparent = span?.Id ?? "";
        var results = await Task.WhenAll(names.Select(name => One(new Order(name, plan, caller, requestId, provider, traceparent), lifetime.ApplicationStopping)));
        if (results.All(r => r.Outage is not null))
            throw results[0].Outage!;
        return new LaunchInstancesResponse
        {
            RequestId = requestId,
            Results = { results.Select(r => r.Result) },
            TraceId = results.Select(r => r.Result.Instance.TraceId).FirstOrDefault(t => t.Length > 0) ?? "",
        };
    }

    public void Dispose() => starting.Dispose();

    private sealed record Order(CertName Name, LaunchPlan Plan, string Caller, string RequestId, IProvider Provider, string Traceparent);

    private sealed record Outcome(LaunchResult Result, FaultException? Outage = null);

    private (LaunchPlan Plan, string RequestId) Check(LaunchInstancesRequest request, LaunchSpec spec, int count)
    {
        var problems = new List<FieldProblem>();
        if (count is < 1 or > MostInstances)
            problems.Add(new("count", $"must be 1-{MostInstances}; 0 means 1"));
        var requestId = request.RequestId.Length > 0 ? request.RequestId : ids.Ordered();
        LaunchPlan? plan = null;
        foreach (var check in (Action[])[() => RequestId.Check(requestId), () => plan = LaunchPlan.From(spec, store.Name, providers.Find)])
        {
            try
            {
                check();
            }
            catch (FaultException e) when (e.Kind == FaultKind.Invalid)
            {
                problems.AddRange(e.Fields);
            }
        }
        return problems.Count == 0 ? (plan!, requestId) : throw FaultException.Invalid([.. problems]);
    }

    private async Task<Outcome> One(Order order, CancellationToken cancel)
    {
        await starting.WaitAsync(CancellationToken.None); // each holder ends by itself
        try
        {
            cancel.ThrowIfCancellationRequested();
            return new Outcome(await Start(order, cancel));
        }
        catch (FaultException e)
        {
            var instance = keeper.Current(order.Name) ?? new Instance { Certname = order.Name.ToString() };
            return new Outcome(new LaunchResult { Instance = instance, Reason = e.Reason.Code(), Detail = e.Message }, e.Kind == FaultKind.Unavailable ? e : null);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "the Conductor is shutting down; repeat the launch with the same request id");
        }
        catch (InvalidDataException e)
        {
            // A damaged or forged record of this one; the others are not to suffer.
            return new Outcome(new LaunchResult { Instance = new Instance { Certname = order.Name.ToString() }, Reason = Reason.LaunchSignature.Code(), Detail = e.Message });
        }
        finally
        {
            starting.Release();
        }
    }

    private async Task<LaunchResult> Start(Order order, CancellationToken cancel)
    {
        // 1. write it down: node definition, then the signed record
        var enrolment = await ledger.Enrol(order.Name, order.Plan, order.Caller, order.RequestId, order.Provider, order.Traceparent, cancel);
        await events.Write("conductor", order.Name, "requested", $"launch requested by {order.Caller}", proof: ObjectKeys.Launch(order.Name), at: enrolment.Record.NotBefore.ToDateTimeOffset());
        var instance = await Seen(order.Name, cancel);

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
            started = await order.Provider.Start(order.Name, order.Plan.Spec, enrolment.UserData, cancel);
        }
        catch (ProviderException e)
        {
            return await Failed(order.Name, e.Message, cancel);
        }

        // 4. the fact
        await facts.Write(order.Name, new InstanceFact { Event = FactLog.Launched, InstanceId = started.InstanceId, Pending = !started.Runs }, cancel);
        Log.Started(log, order.Name, started.InstanceId, order.Caller, order.RequestId);
        await events.Write("conductor", order.Name, FactLog.Launched, $"the provider {(started.Runs ? "started" : "accepted")} it as {started.InstanceId}", proof: ObjectKeys.Fact(order.Name, FactLog.Launched));

        // 5. terminated meanwhile: the saga may have passed the provider before there was anything to stop
        instance = await Seen(order.Name, cancel);
        if (instance.State >= InstanceState.Terminating)
            await order.Provider.Stop(order.Name, started.InstanceId, cancel);
        return new LaunchResult { Instance = instance };
    }

    private async Task<LaunchResult> Failed(CertName name, string why, CancellationToken cancel)
    {
        Log.LaunchFailed(log, name, why);
        Activity.Current?.SetStatus(ActivityStatusCode.Error).SetTag(FlowTelemetry.ReasonTag, Reason.ProviderFailed.Code());
        await facts.Write(name, new InstanceFact { Event = FactLog.LaunchFailed, Detail = why, Reason = Reason.ProviderFailed.Code() }, cancel);
        await events.Write("conductor", name, FactLog.LaunchFailed, $"the provider did not start it: {why}", Reason.ProviderFailed, ObjectKeys.Fact(name, FactLog.LaunchFailed));
        return new LaunchResult { Instance = await Seen(name, cancel), Reason = Reason.ProviderFailed.Code(), Detail = why };
    }

    private async Task<Instance> Seen(CertName name, CancellationToken cancel) => await keeper.Refold(name, cancel) ?? throw Lookup.Unknown(name);
}
