using Overture.Platform.Serving;

namespace Overture.CertAuthority.Audit;

/// <summary>Every minute: alarms about unrecorded certificates that could not be given when they were due.</summary>
internal sealed class UnrecordedWatch(UnrecordedCertificates unrecorded, TimeProvider clock, ILogger<UnrecordedWatch> log)
    : PeriodicWorker(TimeSpan.FromMinutes(1), clock)
{
    protected override Task Turn(CancellationToken cancel) => unrecorded.RecordWaiting(cancel);

    protected override void Failed(Exception e) => Log.SweepFailed(log, "certificates without a record", e.Message);
}
