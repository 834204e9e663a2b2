using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.Revocation;

namespace Overture.CertAuthority;

/// <summary>Ready: the CA's key is loaded, its API has a certificate, and there is a CRL that has not expired.</summary>
internal sealed class Readiness(CaSigner signer, CrlPublisher crls, ServerLeaf leaf, TimeProvider clock) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var now = clock.GetUtcNow();
        return Task.FromResult(
            now >= signer.Ca.Issuer.NotAfter ? HealthCheckResult.Unhealthy("the CA's certificate has expired")
            : leaf.Current is null ? HealthCheckResult.Unhealthy("the CA API has no certificate")
            : crls.Current is not { } crl ? HealthCheckResult.Unhealthy("there is no CRL")
            : now >= crl.NextUpdate.ToDateTimeOffset() ? HealthCheckResult.Unhealthy("the CRL has expired")
            : HealthCheckResult.Healthy());
    }
}
