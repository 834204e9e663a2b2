using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;

namespace Overture.CertAuthority;

/// <summary>
/// Ready: the CA's key is loaded, its API has a certificate, and the CRL is good and not old. A new list is due every crl.refresh, by
/// whichever replica; where twice that has passed without one, no replica publishes, and what is revoked stays trusted.
/// </summary>
internal sealed class Readiness(CaSigner signer, CrlPublisher crls, KeptCrl kept, ParentCrls parents, ServerLeaf leaf,
    CertAuthorityOptions options, TimeProvider clock) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var now = clock.GetUtcNow();
        return Task.FromResult(
            now >= signer.Ca.Issuer.NotAfter ? HealthCheckResult.Unhealthy("the CA's certificate has expired")
            : leaf.Current is null ? HealthCheckResult.Unhealthy("the CA API has no certificate")
            : crls.Current is not { } crl ? HealthCheckResult.Unhealthy("there is no CRL")
            : now >= crl.NextUpdate.ToDateTimeOffset() ? HealthCheckResult.Unhealthy("the CRL has expired")
            : now - CrlDocument.MadeAt(crl) is var age && age > 2 * options.Crl.Refresh
                ? HealthCheckResult.Unhealthy(
                    $"the CRL is {(int)age.TotalMinutes} minutes old, and a new one is due every {(int)options.Crl.Refresh.TotalMinutes}")
            : kept.Failure is { } failure ? HealthCheckResult.Degraded($"the CRL was not kept in the state directory: {failure}")
            : parents.Problem is { } problem ? HealthCheckResult.Degraded(problem)
            : HealthCheckResult.Healthy());
    }
}
