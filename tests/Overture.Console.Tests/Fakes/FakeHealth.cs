using Grpc.Core;
using Grpc.Health.V1;

namespace Overture.Console.Tests.Fakes;

/// <summary>Not serving while any service is away.</summary>
internal sealed class FakeHealth(World world) : Grpc.Health.V1.Health.HealthBase
{
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        var away = !world.Away.IsEmpty;
        if (away)
            context.ResponseTrailers.Add("overture-why", "the object store does not answer");
        return Task.FromResult(new HealthCheckResponse { Status = away
            ? HealthCheckResponse.Types.ServingStatus.NotServing : HealthCheckResponse.Types.ServingStatus.Serving });
    }
}
