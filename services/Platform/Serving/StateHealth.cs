using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Overture.Platform.Serving;

/// <summary>This process's own directories take writes: keys, spooled reports.</summary>
internal sealed class StateHealth(WriteWatch writes) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(writes.Directories is { } problem
            ? new HealthCheckResult(context.Registration.FailureStatus, problem) : HealthCheckResult.Healthy());
}
