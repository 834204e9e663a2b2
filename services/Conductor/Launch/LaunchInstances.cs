using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Platform.Telemetry;
using Overture.Platform.Tls;

namespace Overture.Conductor.Launch;

/// <summary>
/// Launches instances with write-ahead records (docs/flows.md): after a crash between any two steps, the same request finishes it, with the
/// same names, the same user data and no second instance.
/// </summary>
internal sealed class LaunchInstances(
    LaunchLedger ledger, SupersedeRequest supersede, ProfileStore profiles, ProviderSet providers, StartInstance start,
    InstanceTable table, ObjectStore store, Ids ids, Drain drain) : IDisposable
{
    // Some wait for the provider (StartInstance has fewer ask it at once) while the records of the next ones are written.
    private const int MaxInstances = 100, AtOnce = 20;
    private readonly SemaphoreSlim starting = new(AtOnce, AtOnce);

    /// <param name="caller">For the records; request ids are per caller. Of a launch in another's place, that one's.</param>
    /// <param name="request">As by the contract.</param>
    /// <param name="by">Who asks now: what is launched, and what it takes the request id from, must be within that scope.</param>
    /// <param name="cancel">Gives up before anything is written; from then on it goes on.</param>
    /// <param name="source">What it was asked for by, if this is a launch in another's place.</param>
    public async Task<LaunchInstancesResponse> Run(string caller, LaunchInstancesRequest request, PeerIdentity by, CancellationToken cancel,
        LaunchSource source = LaunchSource.Spec)
    {
        // 1. the request is sound, and this host can do it
        var count = request.Count == 0 ? 1 : request.Count;
        var spec = await profiles.SpecOf(request.Spec, request.Profile, cancel);
        var (plan, requestId) = Check(request, spec, count);
        InstanceScope.Demand(by, plan.Spec);
        var provider = providers.Find(plan.Spec)!; // the plan names a known one
        if (await provider.CheckReady(cancel) is { } unfit)
            throw new FaultException(FaultKind.Precondition, Reason.ProviderUnfit, unfit);
        var image = await ImageOf(provider, plan.Spec, caller, requestId, cancel);
        ledger.CheckSize(plan, requestId);

        // 2. the names are fixed; from here on the launch continues even if the caller disconnects
        using var span = FlowTelemetry.Source.StartActivity(FlowTelemetry.Launch);
        // A profile may be edited between two tries; what was asked for is the profile.
        var body = request.Profile.Length > 0 ? RequestBody.Hash($"launch profile {request.Profile}", new LaunchSpec(), count)
            : RequestBody.Hash("launch", spec, count);
        if (request.Profile.Length > 0)
            source = LaunchSource.Profile;
        CertName[] names = [.. Enumerable.Range(0, count).Select(_ => ids.CertName())];
        var opened = await ledger.Open(new RequestedLaunch(caller, requestId, body, spec, source, names), cancel,
            (old, c) => supersede.End(old, by, c));
        if (opened.Spec is { } asked && !asked.Equals(spec))
        {
            plan = LaunchPlan.From(asked, store.Name, providers.Find);
            InstanceScope.Demand(by, plan.Spec);
            provider = providers.Find(plan.Spec)!;
            image = await ImageOf(provider, plan.Spec, caller, requestId, cancel);
        }
        plan = plan with { Source = source };

        // 3. each instance by itself
        var traceparent = span?.Id ?? "";
        var results = await Task.WhenAll(
            opened.Names.Select(name => One(new LaunchOrder(name, plan, caller, requestId, provider, traceparent) { Image = image },
                drain.Closing)));
        if (results.All(r => r.Outage is not null))
            throw results[0].Outage!;
        return new LaunchInstancesResponse
        {
            RequestId = requestId,
            Results = { results.Select(r => r.Result) },
            Warnings = { LaunchPlan.Warnings(plan.Spec.Node), ledger.Muted(plan) },
            TraceId = results.Select(r => r.Result.Instance.TraceId).FirstOrDefault(t => t.Length > 0) ?? "",
        };
    }

    public void Dispose() => starting.Dispose();

    private sealed record Outcome(LaunchResult Result, FaultException? Outage = null);

    private (LaunchPlan Plan, string RequestId) Check(LaunchInstancesRequest request, LaunchSpec spec, int count)
    {
        var problems = new List<FieldProblem>();
        if (count is < 1 or > MaxInstances)
            problems.Add(new("count", $"must be 1-{MaxInstances}; 0 means 1"));
        var requestId = request.RequestId.Length > 0 ? request.RequestId : ids.Ordered();
        problems.AddRange(RequestId.Validate(requestId));
        var plan = LaunchPlan.Validate(spec, store.Name, providers.Find, out var broken);
        problems.AddRange(broken);
        return problems.Count == 0 ? (plan!, requestId) : throw FaultException.Invalid([.. problems]);
    }

    // One for all instances of the request. What is repeated has it in its records, also where the image is gone now.
    private async Task<string?> ImageOf(IProvider provider, LaunchSpec spec, string caller, string requestId, CancellationToken cancel)
    {
        try
        {
            return await provider.Image(spec, cancel);
        }
        catch (ProviderException e)
        {
            return (await ledger.NamesOf(caller, requestId, cancel)).Count > 0 ? null
                : throw (e.Final ? FaultException.Invalid("spec.ec2.image", e.Message)
                    : new FaultException(FaultKind.Precondition, Reason.ProviderUnfit, e.Message));
        }
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
            var instance = table.Current(order.Name) ?? new Instance { Certname = order.Name.ToString() };
            return new Outcome(new LaunchResult { Instance = instance, Reason = e.Reason.Code(), Detail = e.PublicMessage },
                e.Kind == FaultKind.Unavailable ? e : null);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown,
                "the Conductor is shutting down; repeat the launch with the same request id");
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            // A damaged or forged record of this one must not affect the others.
            return new Outcome(new LaunchResult { Instance = new Instance { Certname = order.Name.ToString() },
                Reason = (FaultException.Of(e)?.Reason ?? Reason.LaunchSignature).Code(),
                Detail = FaultException.Of(e)?.PublicMessage ?? e.Message });
        }
        finally
        {
            starting.Release();
        }
    }
}
