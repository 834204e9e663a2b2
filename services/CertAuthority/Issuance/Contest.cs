using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>Two keys came with one token: one is a thief's, and nobody can tell which. Neither may stay.</summary>
internal sealed class Contest(RevokeName revoke, EventLog events, ILogger<Contest> log)
{
    public async Task Run(Evidence facts, Caller by, CancellationToken cancel)
    {
        var (first, second) = (facts.Claim!.SpkiSha256, facts.Request.Key.SpkiSha256);
        var sentence = $"two keys came with the token: {first[..8]}… and then {second[..8]}…";
        // 1. Block and revoke what was signed; the CRL follows within a second.
        await revoke.Start(facts.Name, new RevocationCause(BlockKind.Contested, RevocationReason.KeyCompromise, sentence), by, cancel);
        // 2. Raise the alarm.
        Log.Contested(log, facts.Name, first, second);
        await events.Write(AuditLog.Service, facts.Name, "contested",
            $"{sentence}. The certificate is revoked. Find out who could read the user data, terminate the instance and launch again", Reason.TokenConflict,
            ObjectKeys.Block(facts.Name, "contested"));
    }
}
