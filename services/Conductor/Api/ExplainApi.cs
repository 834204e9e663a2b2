using Grpc.Core;
using Overture.Conductor.Console;
using Overture.Conductor.Explain;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Rpc;

namespace Overture.Conductor.Api;

/// <summary>Why an instance is not ready, why others are not, and what an instance wrote on its console.</summary>
internal sealed class ExplainApi(ExplainInstance explain, SummarizeCauses causes, GetConsole console, InstanceScope scope)
    : ConductorService.ConductorServiceBase
{
    public override Task<ExplainInstanceResponse> ExplainInstance(ExplainInstanceRequest request, ServerCallContext context) =>
        explain.Run(CertName.Parse(request.Certname), context.CancellationToken);

    public override Task<SummarizeCausesResponse> SummarizeCauses(SummarizeCausesRequest request, ServerCallContext context) =>
        causes.Run(request.Filter, context.CancellationToken);

    public override async Task<GetConsoleResponse> GetConsole(GetConsoleRequest request, ServerCallContext context) =>
        await console.Run(await scope.Demand(context.Peer(), request.Certname, context.CancellationToken), context.CancellationToken);
}
