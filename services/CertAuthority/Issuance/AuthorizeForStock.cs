using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>The act behind puppetserver's policy autosign: the same policy, the same claim, but puppetserver signs. Any refusal is a decision.</summary>
internal sealed class AuthorizeForStock(AdmitRequest admit, DecisionTold told)
{
    public async Task<Decision> Run(Submission submission, CancellationToken cancel)
    {
        try
        {
            // 1. Read, decide, claim.
            var admission = await admit.Run(submission, Issuers.Stock, cancel);
            // 2. Tell. What is not decided stays in puppetserver's own queue.
            if (admission.Claim is null)
                await told.Held(admission, submission, cancel);
            else
                await told.Authorized(admission, submission, cancel);
            return admission.Verdict.ToDecision();
        }
        catch (FaultException refusal) when (refusal.Kind is FaultKind.Invalid or FaultKind.Denied or FaultKind.TooLarge)
        {
            return new Decision { Outcome = "refuse", Reason = refusal.Reason.Code(), Sentence = refusal.Message };
        }
    }
}
