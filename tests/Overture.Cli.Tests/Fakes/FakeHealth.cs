using Grpc.Core;
using Overture.Protos.Health.V1;

namespace Overture.Cli.Tests.Fakes;

public sealed class FakeHealth : Health.HealthBase
{
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        Task.FromResult(new HealthCheckResponse { Status = HealthCheckResponse.Types.ServingStatus.Serving });
}
