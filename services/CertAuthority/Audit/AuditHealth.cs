using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Not ready while the audit stream that this replica wrote is gone. Whether the store answers at all, the platform says.
/// </summary>
internal sealed class AuditHealth(AuditStream stream) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            return await stream.Missing(cancellationToken) is { } missing
                ? HealthCheckResult.Unhealthy(missing)
                : HealthCheckResult.Healthy();
        }
        catch (Exception e) when (e is FaultException or OperationCanceledException)
        {
            return HealthCheckResult.Healthy();
        }
    }
}
