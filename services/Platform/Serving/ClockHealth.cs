using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Platform.Objects;

namespace Overture.Platform.Serving;

/// <summary>
/// This host's clock against the store's (threats T90): beyond 5 s an alarm, beyond 60 s not ready where the service
/// says so (CertAuthority: certificates and lists of revoked ones would be wrong). A store in a directory has this host's clock, and says
/// nothing.
/// </summary>
internal sealed class ClockHealth(ObjectStore store) : IHealthCheck
{
    private static readonly TimeSpan Alarm = TimeSpan.FromSeconds(5), Limit = TimeSpan.FromSeconds(60);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Judge(store.ClockAhead, context.Registration.FailureStatus));

    /// <param name="ahead">How far the store's clock is ahead of ours; null: not known.</param>
    /// <param name="beyond">What more than 60 s is.</param>
    internal static HealthCheckResult Judge(TimeSpan? ahead, HealthStatus beyond)
    {
        if (ahead is not { } difference || difference.Duration() <= Alarm)
            return HealthCheckResult.Healthy();
        var sentence = string.Create(CultureInfo.InvariantCulture,
            $"this host's clock is {difference.Duration().TotalSeconds:0} s {(difference > TimeSpan.Zero ? "behind" : "ahead of")} the "
                + $"object store's; at most {Limit.TotalSeconds:0} s are allowed: check its time synchronization");
        return new HealthCheckResult(difference.Duration() > Limit ? beyond : HealthStatus.Degraded, sentence);
    }
}
