using Grpc.Core;
using Overture.Conductor.Console;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Reconcile;
using Overture.Conductor.Retry;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Conductor;

/// <summary>The gRPC service: maps messages to actions and back. The contract is documented in conductor.proto.</summary>
internal sealed class ConductorApi(
    LaunchInstances launch, RegisterInstance register, InstanceTable table, InstanceList list, InstanceWatch watch,
    InstanceTimeline timeline,
    TerminateInstance terminate, RetryInstance retry, UpdateInstance update, QuarantineInstance quarantine, GetConsole console,
    Reconciler reconciler,
    PreviewLaunch preview, ProfileStore profiles, CheckBucket checkBucket) : ConductorService.ConductorServiceBase
{
    private const int MaxWatched = 100;

    public override Task<LaunchInstancesResponse> LaunchInstances(LaunchInstancesRequest request, ServerCallContext context) =>
        launch.Run(context.Peer().Name, WholeText.Of(request), context.CancellationToken);

    public override Task<RegisterInstanceResponse> RegisterInstance(RegisterInstanceRequest request, ServerCallContext context) =>
        register.Run(context.Peer().Name, WholeText.Of(request), context.CancellationToken);

    public override async Task<GetInstanceResponse> GetInstance(GetInstanceRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        return new GetInstanceResponse { Instance = await table.Refold(name, context.CancellationToken) ?? throw Lookup.Unknown(name) };
    }

    public override Task<ListInstancesResponse> ListInstances(ListInstancesRequest request, ServerCallContext context) =>
        list.Page(request, context.CancellationToken);

    public override Task WatchInstances(WatchInstancesRequest request, IServerStreamWriter<WatchInstancesResponse> responseStream,
        ServerCallContext context)
    {
        if (request.Certnames.Count is < 1 or > MaxWatched)
            throw FaultException.Invalid("certnames", $"must be 1-{MaxWatched}");
        return watch.Follow(
            [.. request.Certnames.Select(CertName.Parse).Distinct()], request.UntilSettled,
            instance => responseStream.WriteAsync(new WatchInstancesResponse { Instance = instance }), context.CancellationToken);
    }

    public override Task<GetTimelineResponse> GetTimeline(GetTimelineRequest request, ServerCallContext context) =>
        timeline.Read(CertName.Parse(request.Certname), context.CancellationToken);

    public override async Task<TerminateInstanceResponse> TerminateInstance(TerminateInstanceRequest request,
        ServerCallContext context) => new()
    {
        Instance = await terminate.Run(
            context.Peer().Name, CertName.Parse(request.Certname), request.Reason, DeadlineOf(context), context.CancellationToken),
    };

    public override Task<RetryInstanceResponse> RetryInstance(RetryInstanceRequest request, ServerCallContext context) =>
        retry.Run(context.Peer().Name, CertName.Parse(request.Certname), request.KeepFailed, request.Force,
            context.CancellationToken);

    public override async Task<UpdateInstanceResponse> UpdateInstance(UpdateInstanceRequest request, ServerCallContext context) =>
        new() { Instance = await update.Run(context.Peer().Name, request, context.CancellationToken) };

    public override async Task<QuarantineInstanceResponse> QuarantineInstance(QuarantineInstanceRequest request,
        ServerCallContext context) =>
        new() { Instance = await quarantine.Run(context.Peer().Name, request, context.CancellationToken) };

    public override Task<GetConsoleResponse> GetConsole(GetConsoleRequest request, ServerCallContext context) =>
        console.Run(CertName.Parse(request.Certname), context.CancellationToken);

    public override Task<ReconcileResponse> Reconcile(ReconcileRequest request, ServerCallContext context)
    {
        if (request.Limit is < 0 or > 10_000)
            throw FaultException.Invalid("limit", "must be 0-10000; 0 means the default limit");
        if (request.Apply && !MayLaunch(context))
            throw new FaultException(FaultKind.Denied, Reason.RoleMissing, "apply requires the role operator or admin");
        return reconciler.Run(request.Apply, orphans: request.Apply, request.Limit, context.CancellationToken);
    }

    public override Task<PreviewLaunchResponse> PreviewLaunch(PreviewLaunchRequest request, ServerCallContext context) =>
        preview.Run(WholeText.Of(request), MayLaunch(context), context.CancellationToken);

    public override async Task<ListProfilesResponse> ListProfiles(ListProfilesRequest request, ServerCallContext context) =>
        new() { Profiles = { await profiles.List(context.CancellationToken) } };

    public override async Task<GetProfileResponse> GetProfile(GetProfileRequest request, ServerCallContext context) =>
        new() { Profile = await profiles.Get(request.Name, context.CancellationToken) };

    public override Task<ValidateProfileResponse> ValidateProfile(ValidateProfileRequest request, ServerCallContext context) =>
        Task.FromResult(profiles.Validate(WholeText.Of(request).Document));

    public override Task<PutProfileResponse> PutProfile(PutProfileRequest request, ServerCallContext context) =>
        profiles.Put(WholeText.Of(request).Name, request.Document, request.Etag, context.CancellationToken);

    public override Task<CheckBucketResponse> CheckBucket(CheckBucketRequest request, ServerCallContext context) =>
        checkBucket.Run(context.CancellationToken);

    private static bool MayLaunch(ServerCallContext context) => context.Peer().Roles.Overlaps([Role.Operator, Role.Admin]);

    // MaxValue means that the caller set none.
    private static DateTimeOffset DeadlineOf(ServerCallContext context) =>
        context.Deadline == DateTime.MaxValue ? DateTimeOffset.MaxValue : context.Deadline;
}
