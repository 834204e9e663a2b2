using Grpc.Core;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Retry;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Conductor.Api;

/// <summary>Changes to one instance: its end, its replacement, what is known of it, its quarantine.</summary>
internal sealed class LifecycleApi(
    TerminateInstance terminate, RetryInstance retry, UpdateInstance update, QuarantineInstance quarantine, InstanceScope scope)
    : ConductorService.ConductorServiceBase
{
    public override async Task<TerminateInstanceResponse> TerminateInstance(TerminateInstanceRequest request,
        ServerCallContext context)
    {
        if (request.Force)
            context.Peer().DemandNoScope("end what Overture or a puppetserver runs on");
        return new TerminateInstanceResponse
        {
            Instance = await terminate.Run(context.Peer().Caller, await InScope(request.Certname, context), request.Reason, request.Force,
                context.DeadlineOfCall(), context.CancellationToken),
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

    private Task<CertName> InScope(string certname, ServerCallContext context) =>
        scope.Demand(context.Peer(), certname, context.CancellationToken);
}
