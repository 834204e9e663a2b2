using Grpc.Core;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Conductor.Api;

/// <summary>What becomes an instance: launches and registrations, what they would be and what was handed to the cloud.</summary>
internal sealed class LaunchApi(
    LaunchInstances launch, RegisterInstance register, PreviewLaunch preview, ShowUserData userData, InstanceScope scope)
    : ConductorService.ConductorServiceBase
{
    public override Task<LaunchInstancesResponse> LaunchInstances(LaunchInstancesRequest request, ServerCallContext context) =>
        launch.Run(context.Peer().Caller, WholeText.Of(request), context.Peer(), context.CancellationToken);

    public override Task<RegisterInstanceResponse> RegisterInstance(RegisterInstanceRequest request, ServerCallContext context)
    {
        InstanceScope.Demand(context.Peer(), WholeText.Of(request));
        return register.Run(context.Peer().Caller, request, context.CancellationToken);
    }

    public override Task<PreviewLaunchResponse> PreviewLaunch(PreviewLaunchRequest request, ServerCallContext context) =>
        preview.Run(WholeText.Of(request),
            spec => context.Peer().MayLaunch && context.Peer().Scope.Admits(spec.Profile, spec.Labels), context.CancellationToken);

    public override async Task<GetUserDataResponse> GetUserData(GetUserDataRequest request, ServerCallContext context) => new()
    {
        UserData = await userData.Run(
            await scope.Demand(context.Peer(), request.Certname, context.CancellationToken), context.CancellationToken),
    };
}
