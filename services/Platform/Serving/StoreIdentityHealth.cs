using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Platform.Faults;
using Overture.Platform.Objects;

namespace Overture.Platform.Serving;

/// <summary>
/// The object store is the one that this service has worked with. Whether it answers at all, <see cref="StoreHealth"/> says.
/// </summary>
internal sealed class StoreIdentityHealth(StoreIdentity identity) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            return await identity.Wrong(cancellationToken) is { } wrong ? HealthCheckResult.Unhealthy(wrong) : HealthCheckResult.Healthy();
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
            return HealthCheckResult.Healthy();
        }
    }
}
