using Grpc.Core;
using Overture.Conductor.Console;
using Overture.Conductor.Events;
using Overture.Conductor.Explain;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Reconcile;
using Overture.Conductor.Retry;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Conductor.Webhooks;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Conductor;

/// <summary>The gRPC service: maps messages to actions and back. The contract is documented in conductor.proto.</summary>
internal sealed class ConductorApi(
    LaunchInstances launch, RegisterInstance register, InstanceTable table, InstanceList list, SummarizeInstances summary,
    InstanceWatch watch, InstanceTimeline timeline, ExplainInstance explain, SummarizeCauses causes,
    TerminateInstance terminate, RetryInstance retry, UpdateInstance update, QuarantineInstance quarantine, GetConsole console,
    Reconciler reconciler, DefinitionFindings definitions,
    PreviewLaunch preview, ShowUserData userData, ProfileStore profiles, CheckBucket checkBucket, CheckSite checkSite,
    SummarizeConvergence convergence, ConsoleSessions sessions, InstanceScope scope, WatchEvents events, DeadLetterActs letters,
    ReturnedNodes? returned = null) : ConductorService.ConductorServiceBase
{
    private const int MaxWatched = 100;

    public override Task<LaunchInstancesResponse> LaunchInstances(LaunchInstancesRequest request, ServerCallContext context) =>
        launch.Run(context.Peer().Caller, WholeText.Of(request), context.Peer(), context.CancellationToken);

    public override Task<RegisterInstanceResponse> RegisterInstance(RegisterInstanceRequest request, ServerCallContext context)
    {
        InstanceScope.Demand(context.Peer(), WholeText.Of(request));
        return register.Run(context.Peer().Caller, request, context.CancellationToken);
    }

    public override async Task<GetInstanceResponse> GetInstance(GetInstanceRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        return new GetInstanceResponse { Instance = await table.Refold(name, context.CancellationToken) ?? throw Lookup.Unknown(name) };
    }

    public override Task<ListInstancesResponse> ListInstances(ListInstancesRequest request, ServerCallContext context) =>
        list.Page(request, context.CancellationToken);

    public override Task<SummarizeInstancesResponse> SummarizeInstances(SummarizeInstancesRequest request, ServerCallContext context) =>
        summary.Run(request.Filter, context.CancellationToken);

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

    public override Task<ExplainInstanceResponse> ExplainInstance(ExplainInstanceRequest request, ServerCallContext context) =>
        explain.Run(CertName.Parse(request.Certname), context.CancellationToken);

    public override Task<SummarizeCausesResponse> SummarizeCauses(SummarizeCausesRequest request, ServerCallContext context) =>
        causes.Run(request.Filter, context.CancellationToken);

    public override Task<SummarizeConvergenceResponse> SummarizeConvergence(SummarizeConvergenceRequest request,
        ServerCallContext context) => Task.FromResult(convergence.Run(request.Filter));

    public override async Task<GetUserDataResponse> GetUserData(GetUserDataRequest request, ServerCallContext context) =>
        new() { UserData = await userData.Run(await InScope(request.Certname, context), context.CancellationToken) };

    public override async Task<MarkSessionResponse> MarkSession(MarkSessionRequest request, ServerCallContext context)
    {
        var session = context.GetHttpContext().Features.Get<DelegatedPeer>()
            ?? throw new FaultException(FaultKind.Precondition, Reason.DelegationInvalid, "only a console has sessions");
        switch (request.Mark)
        {
            // What was marked is not asked for: that might fail, and the mark is made.
            case SessionMark.Entered when await sessions.Enter(session.Nonce, session.End):
                return new() { First = true };
            case SessionMark.Ended:
                await sessions.End(session.Nonce, session.End);
                return new() { Ended = true };
            case SessionMark.Entered or SessionMark.Unspecified:
                return new() { Ended = await sessions.IsEnded(session.Nonce) };
            default:
                throw FaultException.Invalid("mark", "is not a mark");
        }
    }

    public override async Task<TerminateInstanceResponse> TerminateInstance(TerminateInstanceRequest request,
        ServerCallContext context)
    {
        if (request.Force)
            context.Peer().DemandNoScope("end what Overture or a puppetserver runs on");
        return new TerminateInstanceResponse
        {
            Instance = await terminate.Run(context.Peer().Caller, await InScope(request.Certname, context), request.Reason, request.Force,
                DeadlineOf(context), context.CancellationToken),
        };
    }

    public override async Task<RetryInstanceResponse> RetryInstance(RetryInstanceRequest request, ServerCallContext context) =>
        await retry.Run(context.Peer(), await InScope(request.Certname, context), request.KeepFailed, request.Force,
            context.CancellationToken);

    public override async Task<UpdateInstanceResponse> UpdateInstance(UpdateInstanceRequest request, ServerCallContext context)
    {
        await InScope(request.Certname, context);
        return new() { Instance = await update.Run(context.Peer().Caller, request, context.CancellationToken) };
    }

    public override async Task<QuarantineInstanceResponse> QuarantineInstance(QuarantineInstanceRequest request,
        ServerCallContext context)
    {
        await InScope(request.Certname, context);
        return new() { Instance = await quarantine.Run(context.Peer().Caller, request, context.CancellationToken) };
    }

    public override async Task<GetConsoleResponse> GetConsole(GetConsoleRequest request, ServerCallContext context) =>
        await console.Run(await InScope(request.Certname, context), context.CancellationToken);

    public override async Task<ReconcileResponse> Reconcile(ReconcileRequest request, ServerCallContext context)
    {
        if (request.Limit is < 0 or > 10_000)
            throw FaultException.Invalid("limit", "must be 0-10000; 0 means the default limit");
        if (request.Apply && !MayLaunch(context))
            throw new FaultException(FaultKind.Denied, Reason.RoleMissing, "apply requires the role operator or admin");
        if (request.Apply)
            context.Peer().DemandNoScope("apply repairs");
        var response = await reconciler.Run(request.Apply, orphans: request.Apply, request.Limit, context.CancellationToken,
            context.Peer().Caller);
        await definitions.Add(response, context.CancellationToken);
        await AddReturned(response, context.CancellationToken);
        return response;
    }

    // Only where there is a PuppetDB; one that is away hides nothing else.
    private async Task AddReturned(ReconcileResponse response, CancellationToken cancel)
    {
        try
        {
            if (returned is null)
                return;
            if (await returned.Look(cancel) is { } found)
                response.Findings.Add(found.Select(ReturnedNodes.FindingOf));
            else
                response.Unknown.Add(ReturnedNodes.Refused);
        }
        catch (FaultException e)
        {
            response.Unknown.Add(e.Message);
        }
    }

    public override Task<PreviewLaunchResponse> PreviewLaunch(PreviewLaunchRequest request, ServerCallContext context) =>
        preview.Run(WholeText.Of(request),
            spec => MayLaunch(context) && context.Peer().Scope.Admits(spec.Profile, spec.Labels), context.CancellationToken);

    public override async Task<ListProfilesResponse> ListProfiles(ListProfilesRequest request, ServerCallContext context) =>
        new() { Profiles = { await profiles.List(context.CancellationToken) } };

    public override async Task<GetProfileResponse> GetProfile(GetProfileRequest request, ServerCallContext context) =>
        new() { Profile = await profiles.Get(request.Name, context.CancellationToken) };

    public override Task<ValidateProfileResponse> ValidateProfile(ValidateProfileRequest request, ServerCallContext context) =>
        Task.FromResult(profiles.Validate(WholeText.Of(request).Document));

    public override Task<PutProfileResponse> PutProfile(PutProfileRequest request, ServerCallContext context) =>
        profiles.Put(context.Peer().Caller, WholeText.Of(request).Name, request.Document, request.Etag, context.CancellationToken);

    public override Task<CheckBucketResponse> CheckBucket(CheckBucketRequest request, ServerCallContext context) =>
        checkBucket.Run(context.CancellationToken);

    public override Task<CheckSiteResponse> CheckSite(CheckSiteRequest request, ServerCallContext context) =>
        checkSite.Run(context.CancellationToken);

    public override Task WatchEvents(WatchEventsRequest request, IServerStreamWriter<WatchEventsResponse> responseStream,
        ServerCallContext context) => events.Run(request, e => responseStream.WriteAsync(e), context.CancellationToken);

    public override Task<ListDeadLettersResponse> ListDeadLetters(ListDeadLettersRequest request, ServerCallContext context) =>
        letters.List(request, context.CancellationToken);

    public override Task<ReplayDeadLettersResponse> ReplayDeadLetters(ReplayDeadLettersRequest request, ServerCallContext context) =>
        letters.Replay(context.Peer().Caller, request, DeadlineOf(context), context.CancellationToken);

    public override Task<DeleteDeadLettersResponse> DeleteDeadLetters(DeleteDeadLettersRequest request, ServerCallContext context) =>
        letters.Delete(context.Peer().Caller, request, DeadlineOf(context), context.CancellationToken);

    private Task<CertName> InScope(string certname, ServerCallContext context) =>
        scope.Demand(context.Peer(), certname, context.CancellationToken);

    private static bool MayLaunch(ServerCallContext context) => context.Peer().Roles.Overlaps([Role.Operator, Role.Admin]);

    // MaxValue means that the caller set none.
    private static DateTimeOffset DeadlineOf(ServerCallContext context) => context.DeadlineOfCall();
}
