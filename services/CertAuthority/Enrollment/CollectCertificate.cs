using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Storage;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>The act behind GET certificate/{name}: an agent asks for its certificate, again and again until it is there.</summary>
internal sealed class CollectCertificate(
    ClaimStore claims, CertificateInventory inventory, IssueFromClaim issue, EnrollmentContextReader context, Timeline timeline)
{
    // What is forgotten is written again, which changes nothing: explain takes a line that is missing for an agent that never came.
    private readonly BoundedCache<string, bool> collected = new(100_000);

    /// <returns>Null: not signed (yet), or not to be had any more.</returns>
    public async Task<CertificateRecord?> Run(CertName name, Caller by, CancellationToken cancel)
    {
        // 1. The newest claim that may be had; finish it here if its claimant did not get that far.
        var own = (await claims.Of(name, cancel)).Where(c => Issuers.Serves(Issuers.Own, c))
            .OrderByDescending(c => c.ClaimedAt.ToDateTimeOffset());
        foreach (var claim in own)
        {
            if (await inventory.IsCleaned(claim.Serial, cancel))
                continue;
            var launch = (await context.Launch(name, cancel)).Launch;
            if (await issue.Run(claim, launch?.Traceparent, by, cancel) is not { } certificate)
                continue;
            // 2. Record it, the first time.
            if (launch is not null && !collected.TryGet(claim.Serial, out _))
            {
                collected.Add(claim.Serial, true);
                RecordRelease(name, launch, certificate);
            }
            return certificate;
        }
        return null;
    }

    private void RecordRelease(CertName name, LaunchRecord launch, CertificateRecord certificate)
    {
        using var span = FlowTelemetry.Step(FlowTelemetry.Collect, launch.Traceparent, certificate.Certname);
        span?.SetTag(FlowTelemetry.SerialTag, certificate.Serial);
        timeline.Add(AuditLog.Service, name, InstanceEvents.Collected, "the agent has its certificate; its first run comes next",
            proof: ObjectKeys.Certificate(certificate.Serial));
    }
}
