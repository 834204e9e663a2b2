using Overture.Conductor.Profiles;
using Overture.Conductor.Providers;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Platform.Telemetry;

namespace Overture.Conductor.Launch;

/// <summary>
/// The act of launching, written ahead (design §5): whatever is killed between two steps, the same request again finishes it, with the same
/// names, the same user data and no second instance.
/// </summary>
internal sealed class LaunchInstances(
    LaunchLedger ledger, ProfileStore profiles, ProviderSet providers, StartInstance start, StateKeeper keeper, ObjectStore store, Ids ids,
    Drain drain) : IDisposable
{
    private const int MostInstances = 100, AtOnce = 5;
    private readonly SemaphoreSlim starting = new(AtOnce, AtOnce);

    /// <param name="caller">For the records; a request id is his own.</param>
    /// <param name="request">As by the contract.</param>
    /// <param name="cancel">Gives up before anything is written; from then on it goes on.</param>
    /// <param name="byProfile">The spec is a stored profile's, which was named when it was asked for the first time.</param>
    public async Task<LaunchInstancesResponse> Run(string caller, LaunchInstancesRequest request, CancellationToken cancel, bool byProfile = false)
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
        byProfile |= request.Profile.Length > 0;
        var opened = await ledger.Open(caller, requestId, body, spec, count, cancel, byProfile: byProfile);
        if (opened.Spec is { } asked && !asked.Equals(spec))
            plan = LaunchPlan.From(asked, store.Name, providers.Find);
        plan = plan with { ByProfile = byProfile };

        // 3. each instance by itself
        var traceparent = span?.Id ?? "";
        var results = await Task.WhenAll(opened.Names.Select(name => One(new LaunchOrder(name, plan, caller, requestId, provider, traceparent), drain.Closing)));
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

    private async Task<Outcome> One(LaunchOrder order, CancellationToken cancel)
    {
        await starting.WaitAsync(CancellationToken.None); // each holder ends by itself
        try
        {
            cancel.ThrowIfCancellationRequested();
            return new Outcome(await start.Run(order, cancel));
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
}
