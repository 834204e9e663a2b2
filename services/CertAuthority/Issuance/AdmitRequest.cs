using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>
/// From a request to a claim, the same for our own CA and for puppetserver's. Everything before the claim is free of side effects that
/// matter: a refused request never costs the genuine one its token.
/// </summary>
internal sealed class AdmitRequest(
    EvidenceReader evidence, InstanceWitness witness, ClaimStore claims, ClaimMaker maker, Contest contest, DecisionTold told, OwnKeys own, CertAuthorityOptions options)
{
    /// <exception cref="FaultException">The request is refused; told already.</exception>
    public async Task<Admission> Run(Submission submission, string issuer, CancellationToken cancel)
    {
        // 1. Read: name, shape, key, signature.
        var (name, request) = await Read(submission, cancel);
        // 2. Gather, decide, claim.
        return await Admit(name, request, submission, issuer, cancel);
    }

    private async Task<(CertName, CsrFacts)> Read(Submission submission, CancellationToken cancel)
    {
        CsrFacts? request = null;
        try
        {
            var name = RequestNames.Asked(submission.Name);
            request = CsrReader.Read(CsrPem.Read(submission.Body.Span));
            RequestNames.Compare(name, request);
            return (name, request);
        }
        catch (FaultException refusal)
        {
            await told.Malformed(submission, request, refusal, cancel);
            throw;
        }
    }

    /// <summary>A request that was read already: the one that just came in, or one that is held and looked at anew.</summary>
    public async Task<Admission> Admit(CertName name, CsrFacts request, Submission submission, string issuer, CancellationToken cancel)
    {
        var asked = false;
        while (true)
        {
            // 1. Evidence, from the store.
            var facts = await evidence.Read(name, request, issuer == Issuers.Own ? submission.By.Address : null, cancel);
            using var span = FlowTelemetry.Step(FlowTelemetry.DecideRequest, facts.Launch?.Traceparent, name.ToString());
            // 2. Decide.
            var verdict = RequestPolicy.Decide(facts, options.Lives);
            span?.SetTag(FlowTelemetry.ReasonTag, verdict.Reason.Code());
            if (verdict.Outcome == Outcome.Hold)
                return new Admission(name, facts, verdict, null);
            if (verdict.Outcome == Outcome.Ask && !asked)
            {
                // The provider's word is too old: once more, with a new one.
                await witness.Ask(name, cancel);
                asked = true;
                continue;
            }
            if (verdict.Outcome != Outcome.Sign)
                throw await Refusal(facts, verdict, submission, cancel);
            if (facts.Claim is { } standing)
                return Issuers.Serves(issuer, standing) ? await Received(new Admission(name, facts, verdict, standing)) : throw await SpentElsewhere(facts, verdict, submission, cancel);
            // 3. One name a key.
            if (own.Holds(request.Key.SpkiSha256) || !await claims.BindKey(request.Key.SpkiSha256, name, cancel))
                throw await Refusal(facts, Reused(verdict), submission, cancel);
            // 4. Claim: spends the token, binds the key, fixes serial and bytes, all in one write.
            var claim = await claims.Put(maker.Make(facts, verdict, issuer), cancel);
            if (claim.SpkiSha256 == request.Key.SpkiSha256 && claim.Issuer == issuer)
                return await Received(new Admission(name, facts, verdict, claim));
            // Another key was first: look again, and decide on what stands now.
        }
    }

    private async Task<Admission> Received(Admission admission)
    {
        await told.Received(admission);
        return admission;
    }

    private async Task<FaultException> Refusal(Evidence facts, Verdict verdict, Submission submission, CancellationToken cancel)
    {
        if (verdict.Outcome is Outcome.Malformed or Outcome.Ask)
            return await told.Refused(facts, verdict, submission, verdict.Outcome == Outcome.Ask ? FaultKind.Unavailable : FaultKind.Invalid, cancel);
        // Also where the block stands already: whoever wrote it may have died before he revoked.
        if (verdict.Reason == Reason.TokenConflict || (Authorisation.Proved(facts) && facts.Claim is not null && facts.Blocks.Any(b => b.Kind == BlockKind.Contested)))
            await contest.Run(facts, submission.By, cancel);
        return await told.Refused(facts, verdict, submission, FaultKind.Denied, cancel);
    }

    private static Verdict Reused(Verdict verdict) =>
        verdict with { Outcome = Outcome.Malformed, Reason = Reason.KeyReused, Sentence = "this key belongs to another name; each node needs a key of its own" };

    private Task<FaultException> SpentElsewhere(Evidence facts, Verdict verdict, Submission submission, CancellationToken cancel)
    {
        const string sentence = "the token was spent at another CA, Overture's or puppetserver's; use one of them";
        return told.Refused(facts, verdict with { Outcome = Outcome.Refuse, Reason = Reason.TokenSpent, Sentence = sentence }, submission, FaultKind.Denied, cancel);
    }
}
