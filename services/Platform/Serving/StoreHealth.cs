using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Platform.Serving;

/// <summary>
/// The object store answers, takes writes, and keeps its promises as far as we know. What an absent one is, the service says.
/// </summary>
internal sealed class StoreHealth(ObjectStore store, StoreWatch watch, WriteWatch writes) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await store.Any(ObjectKeys.Probes, cancellationToken);
            return watch.Broken is { } broken ? HealthCheckResult.Unhealthy(broken)
                : writes.Store is { } problem ? new HealthCheckResult(context.Registration.FailureStatus, problem)
                : HealthCheckResult.Healthy();
        }
        catch (FaultException e)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, e.Message);
        }
        catch (OperationCanceledException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, $"the object store {store.Name} does not answer in time");
        }
    }
}
