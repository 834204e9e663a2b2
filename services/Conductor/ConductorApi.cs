using Grpc.Core;
using Overture.Conductor.Launch;
using Overture.Conductor.State;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Conductor;

/// <summary>The gRPC face: message to act and back. The contract's comments are in conductor.proto.</summary>
internal sealed class ConductorApi(
    LaunchInstances launch, RegisterInstance register, StateKeeper keeper, InstanceList list, InstanceWatch watch, InstanceTimeline timeline,
    TerminateInstance terminate, CheckBucket checkBucket) : ConductorService.ConductorServiceBase
{
    private const int MostWatched = 100;

    public override Task<LaunchInstancesResponse> LaunchInstances(LaunchInstancesRequest request, ServerCallContext context) =>
        launch.Run(context.Peer().Name, request, context.CancellationToken);

    public override Task<RegisterInstanceResponse> RegisterInstance(RegisterInstanceRequest request, ServerCallContext context) =>
        register.Run(context.Peer().Name, request, context.CancellationToken);

    public override async Task<GetInstanceResponse> GetInstance(GetInstanceRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        return new GetInstanceResponse { Instance = await keeper.Refold(name, context.CancellationToken) ?? throw Lookup.Unknown(name) };
    }

    public override Task<ListInstancesResponse> ListInstances(ListInstancesRequest request, ServerCallContext context) =>
        list.Page(request, context.CancellationToken);

    public override Task WatchInstances(WatchInstancesRequest request, IServerStreamWriter<WatchInstancesResponse> responseStream, ServerCallContext context)
    {
        if (request.Certnames.Count is < 1 or > MostWatched)
            throw FaultException.Invalid("certnames", $"must be 1-{MostWatched}");
        return watch.Follow(
            [.. request.Certnames.Select(CertName.Parse).Distinct()], request.UntilSettled,
            instance => responseStream.WriteAsync(new WatchInstancesResponse { Instance = instance }), context.CancellationToken);
    }

    public override Task<GetTimelineResponse> GetTimeline(GetTimelineRequest request, ServerCallContext context) =>
        timeline.Read(CertName.Parse(request.Certname), context.CancellationToken);

    public override async Task<TerminateInstanceResponse> TerminateInstance(TerminateInstanceRequest request, ServerCallContext context) => new()
    {
        Instance = await terminate.Run(
            context.Peer().Name, CertName.Parse(request.Certname), request.Reason, DeadlineOf(context), context.CancellationToken),
    };

    public override Task<CheckBucketResponse> CheckBucket(CheckBucketRequest request, ServerCallContext context) => checkBucket.Run(context.CancellationToken);

    // MaxValue means that the caller set none.
    private static DateTimeOffset DeadlineOf(ServerCallContext context) =>
        context.Deadline == DateTime.MaxValue ? DateTimeOffset.MaxValue : context.Deadline;
}
