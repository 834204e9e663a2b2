using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Overture.Platform.Registry;

/// <summary>A registry that is away or takes no writes is an alarm, and no more: each service does its job from the object store.</summary>
internal sealed class RegistryHealth(RegistryConnection registry, RegistryOptions options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(registry.State is { IsWrong: true } state
            ? HealthCheckResult.Degraded($"the registry (Redis) at {options.Endpoint} {state.Sentence}; work goes on from the object store")
            : HealthCheckResult.Healthy());
}
