using Microsoft.Extensions.Logging;
using Overture.Conductor.Launch;
using Overture.Platform.Serving;

namespace Overture.Conductor.Workers;

/// <summary>Removes again what the store did not let go when an instance converged or ended.</summary>
internal sealed class RemainsSweep(InstanceRemains remains, TimeProvider clock, ILogger<RemainsSweep> log)
    : PeriodicWorker(TimeSpan.FromMinutes(10), clock)
{
    protected override Task Turn(CancellationToken cancel) => remains.Sweep(cancel);

    protected override void Failed(Exception e) => Log.SweepFailed(log, e.Message);
}
