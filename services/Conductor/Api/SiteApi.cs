using Grpc.Core;
using Overture.Conductor.Reconcile;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Registry;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Conductor.Api;

/// <summary>The site as a whole: comparison with the cloud, checks of what is around the Conductor, sessions of consoles.</summary>
internal sealed class SiteApi(
    Reconciler reconciler, DefinitionFindings definitions, CheckBucket checkBucket, CheckSite checkSite, ConsoleSessions sessions,
    ReturnedNodes? returned = null) : ConductorService.ConductorServiceBase
{
    public override async Task<ReconcileResponse> Reconcile(ReconcileRequest request, ServerCallContext context)
    {
        if (request.Limit is < 0 or > 10_000)
            throw FaultException.Invalid("limit", "must be 0-10000; 0 means the default limit");
        if (request.Apply && !context.Peer().MayLaunch)
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

    public override Task<CheckBucketResponse> CheckBucket(CheckBucketRequest request, ServerCallContext context) =>
        checkBucket.Run(context.CancellationToken);

    public override Task<CheckSiteResponse> CheckSite(CheckSiteRequest request, ServerCallContext context) =>
        checkSite.Run(context.CancellationToken);

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
}
