using Grpc.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Protos.Health.V1;
using Status = Overture.Protos.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.Platform.Rpc;

/// <summary>The standard gRPC health service over the framework's health checks. "" asks for the whole process.</summary>
public sealed class HealthApi(HealthCheckService checks, ServedServices served, TimeProvider clock) : Health.HealthBase
{
    public override async Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        if (!Known(request.Service))
            throw new Faults.FaultException(Faults.FaultKind.NotFound, Records.Reason.NotFound, $"no service {request.Service} here");
        return new HealthCheckResponse { Status = await Now(context.CancellationToken) };
    }

    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        var said = Status.Unknown;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(2), clock);
        do
        {
            var now = Known(request.Service) ? await Now(context.CancellationToken) : Status.ServiceUnknown;
            if (now != said)
                await responseStream.WriteAsync(new HealthCheckResponse { Status = said = now });
        }
        while (await timer.WaitForNextTickAsync(context.CancellationToken));
    }

    private bool Known(string service) => service.Length == 0 || served.Descriptors.Any(d => d.FullName == service);

    private async Task<Status> Now(CancellationToken cancel) =>
        (await checks.CheckHealthAsync(cancel)).Status == HealthStatus.Unhealthy ? Status.NotServing : Status.Serving;
}
