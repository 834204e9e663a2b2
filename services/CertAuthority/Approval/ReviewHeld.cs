using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Records.V1;

namespace Overture.CertAuthority.Approval;

/// <summary>Reviews a held request again: since it came in, its name may have been registered.</summary>
internal sealed class ReviewHeld(
    EnrollmentContextReader context, EnrollCertificate enroll, IssueFromClaim issue, HeldRequests held, CertAuthorityOptions options)
{
    /// <summary>The request as it would be decided now; nothing changes.</summary>
    public async Task<HeldRequest> Look(HeldRequest waiting, CancellationToken cancel)
    {
        var verdict = await Verdict(waiting, cancel);
        var looked = waiting.Clone();
        looked.Decision = verdict.ToDecision();
        looked.Remedy = verdict.Outcome == Outcome.Sign ? "nothing more: it is signed within moments" : verdict.Remedy;
        return looked;
    }

    /// <summary>Signs it if the policy now says so; drops it if its key has its certificate.</summary>
    /// <returns>Whether it waits no more.</returns>
    public async Task<bool> Run(HeldRequest waiting, CancellationToken cancel)
    {
        var name = CertName.Parse(waiting.Certname);
        // 1. Most often nothing has changed: then nothing is said either.
        if ((await Verdict(waiting, cancel)).Outcome is not (Outcome.Sign or Outcome.Ask))
            return false;
        try
        {
            // 2. As if it came in now, but without reading it again: admit, claim, finish.
            var submission = new Submission(waiting.Certname, ReadOnlyMemory<byte>.Empty, By(waiting));
            var admission = await enroll.Admit(name, HeldRequests.FactsOf(waiting), submission, Issuers.Own, cancel);
            if (admission.Claim is null
                || await issue.Run(admission.Claim, admission.Stored, admission.Traceparent, submission.By, cancel) is null)
            {
                return false;
            }
        }
        catch (FaultException refusal) when (refusal.Kind is FaultKind.Denied or FaultKind.Invalid)
        {
            return false;
        }
        // 3. It waits no more; the agent collects its certificate.
        await held.Forget(name, cancel);
        return true;
    }

    // Its own peer counts: where it came from is what an attestation by source compares.
    private static Caller By(HeldRequest waiting) => Caller.Own("held") with { Peer = waiting.Peer };

    private async Task<Verdict> Verdict(HeldRequest waiting, CancellationToken cancel)
    {
        var facts = await context.Read(CertName.Parse(waiting.Certname), HeldRequests.FactsOf(waiting), By(waiting).Address, cancel);
        return RequestPolicy.Decide(facts, options.Lives);
    }
}
