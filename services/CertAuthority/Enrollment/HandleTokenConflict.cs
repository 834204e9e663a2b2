using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>Two keys came with one token: one is a thief's, and it can't be known which. Neither may stay.</summary>
internal sealed class HandleTokenConflict(RevokeName revoke, Timeline timeline, ILogger<HandleTokenConflict> log)
{
    public async Task Run(EnrollmentContext facts, Caller by, CancellationToken cancel)
    {
        var (first, second) = (facts.Claim!.SpkiSha256, $"{facts.Request.Key.Hash}");
        var sentence = $"two keys came with the token: {first[..8]}… and then {second[..8]}…";
        // 1. Block and revoke what was signed; the CRL follows within a second.
        await revoke.Start(facts.Name, new RevocationCause(BlockKind.Contested, RevocationReason.KeyCompromise, sentence), by, cancel);
        // 2. Raise the alarm.
        Log.Contested(log, facts.Name, first, second);
        timeline.Add(AuditLog.Service, facts.Name, InstanceEvents.Contested,
            $"{sentence}. The certificate is revoked. Find out who could read the user data, terminate the instance and launch again",
            Reason.TokenConflict,
            ObjectKeys.Block(facts.Name, "contested"));
    }
}
