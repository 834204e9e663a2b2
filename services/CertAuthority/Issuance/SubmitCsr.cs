using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>The act behind PUT certificate_request and SubmitCertificateRequest. The same steps are in docs/flows.md.</summary>
internal sealed class SubmitCsr(AdmitRequest admit, FinishClaim finish, HeldRequests held, EvidenceReader evidence, DecisionTold told)
{
    /// <exception cref="FaultException">Refused; told already.</exception>
    public async Task<Submitted> Run(Submission submission, CancellationToken cancel)
    {
        // 1. Read, decide, claim.
        var admission = await admit.Run(submission, Issuers.Own, cancel);
        // 2. Nothing to sign by: a person decides.
        if (admission.Claim is null)
            return await Hold(admission, submission, cancel);
        // 3. Sign the claim, store, look at the blocks again.
        var certificate = await finish.Run(admission.Claim, admission.Traceparent, submission.By, cancel);
        if (certificate is null)
            throw await told.Refused(admission.Evidence, Voided(admission.Verdict), submission, FaultKind.Denied, cancel);
        // 4. Tell, and answer what the store holds.
        if (admission.Verdict.Reason == Reason.SameKey)
            await told.Repeated(admission, submission, cancel);
        await held.Forget(admission.Name, cancel);
        return new Submitted(admission.Verdict.ToDecision(), certificate);
    }

    private async Task<Submitted> Hold(Admission admission, Submission submission, CancellationToken cancel)
    {
        try
        {
            await held.Keep(admission, submission, cancel);
            // Denied while it was on its way here.
            if (await evidence.IsDenied(admission.Name, admission.Evidence.Request.Key.SpkiSha256, cancel))
            {
                await held.Forget(admission.Name, cancel);
                throw new FaultException(FaultKind.Denied, Reason.RequestDenied, "a person denied this key for this name");
            }
        }
        catch (FaultException full) when (full.Kind is FaultKind.Conflict or FaultKind.Precondition or FaultKind.Denied)
        {
            await told.Refused(admission.Evidence, admission.Verdict with { Outcome = Outcome.Refuse, Reason = full.Reason, Sentence = full.Message }, submission, full.Kind, cancel);
            throw;
        }
        await told.Held(admission, submission, cancel);
        return new Submitted(admission.Verdict.ToDecision(), null);
    }

    private static Verdict Voided(Verdict verdict) =>
        verdict with { Outcome = Outcome.Refuse, Reason = Reason.ClaimVoid, Sentence = "the name was revoked or ended while its certificate was being signed; launch again" };
}
