using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Overture.Platform.PuppetHost;

/// <summary>
/// The listener for puppetservers has a certificate that they accept. One that is revoked or expired makes the service not ready; that the
/// first one is still to come is said, and no more.
/// </summary>
public sealed class PuppetHostHealth(PuppetHostCertificate host, TimeProvider clock) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(host.Current switch
        {
            null => HealthCheckResult.Degraded($"the listener for puppetservers has no certificate yet{Cause}"),
            var leaf when host.IsRevoked => HealthCheckResult.Unhealthy(
                $"the certificate of the listener for puppetservers ({leaf.Subject}) is revoked, and it has no other yet{Cause}"),
            var leaf when clock.GetUtcNow() >= leaf.NotAfter => HealthCheckResult.Unhealthy(
                $"the certificate of the listener for puppetservers ({leaf.Subject}) ended at "
                    + $"{leaf.NotAfter.ToUniversalTime():yyyy-MM-dd'T'HH:mm:ss'Z'}, and it has no other yet{Cause}"),
            _ => HealthCheckResult.Healthy(),
        });

    private string Cause => host.WhyNoOther is { } why ? $": {why}" : "";
}
