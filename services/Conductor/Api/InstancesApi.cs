using Grpc.Core;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Api;

/// <summary>The picture of the fleet: instances, lists and counts of them, and what changes.</summary>
internal sealed class InstancesApi(
    InstanceTable table, InstanceList list, SummarizeInstances summary, SummarizeConvergence convergence, InstanceWatch watch,
    InstanceTimeline timeline) : ConductorService.ConductorServiceBase
{
    private const int MaxWatched = 100;

    public override async Task<GetInstanceResponse> GetInstance(GetInstanceRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        return new GetInstanceResponse { Instance = await table.Refold(name, context.CancellationToken) ?? throw Lookup.Unknown(name) };
    }

    public override Task<ListInstancesResponse> ListInstances(ListInstancesRequest request, ServerCallContext context) =>
        list.Page(request, context.CancellationToken);

    public override Task<SummarizeInstancesResponse> SummarizeInstances(SummarizeInstancesRequest request, ServerCallContext context) =>
        summary.Run(request.Filter, context.CancellationToken);

    public override Task<SummarizeConvergenceResponse> SummarizeConvergence(SummarizeConvergenceRequest request,
        ServerCallContext context) => Task.FromResult(convergence.Run(request.Filter));

    public override Task WatchInstances(WatchInstancesRequest request, IServerStreamWriter<WatchInstancesResponse> responseStream,
        ServerCallContext context)
    {
        Task Send(Instance instance) => responseStream.WriteAsync(new WatchInstancesResponse { Instance = instance });
        if (request.Certnames.Count > MaxWatched)
            throw FaultException.Invalid("certnames", $"must be at most {MaxWatched}; to follow more, leave it empty and use filter");
        if (request.Certnames.Count > 0 && request.Filter is not null)
            throw FaultException.Invalid("filter", "must be empty where certnames is not");
        return request.Certnames.Count > 0
            ? watch.Follow([.. request.Certnames.Select(CertName.Parse).Distinct()], request.UntilSettled, Send, context.CancellationToken)
            : watch.Follow(new InstanceQuery(request.Filter ?? new InstanceFilter()), request.UntilSettled, Send,
                context.CancellationToken);
    }

    public override Task<GetTimelineResponse> GetTimeline(GetTimelineRequest request, ServerCallContext context) =>
        timeline.Read(CertName.Parse(request.Certname), context.CancellationToken);
}
