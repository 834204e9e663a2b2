using Grpc.Core;
using Grpc.Health.V1;
using Status = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.Cli.Tests.Fakes;

/// <summary>Alive always; ready unless a test says why not.</summary>
public sealed class FakeHealth : Health.HealthBase
{
    public string WhyNot { get; set; } = "";

    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        var ready = request.Service == "liveness" || WhyNot.Length == 0;
        if (!ready)
            context.ResponseTrailers.Add("overture-why", WhyNot);
        return Task.FromResult(new HealthCheckResponse { Status = ready ? Status.Serving : Status.NotServing });
    }
}
